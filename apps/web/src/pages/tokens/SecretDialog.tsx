import type { ReactNode } from "react";
import { Button } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";

interface SecretDialogProps {
  readonly title: string;
  readonly label: string;
  readonly secret: string;
  readonly children?: ReactNode;
  readonly onClose: () => void;
}

/** Shows a secret the one time it can be shown. */
export function SecretDialog({ title, label, secret, children, onClose }: SecretDialogProps) {
  return (
    <Dialog
      title={title}
      description="Copy it now. Only a hash of it is kept, so it cannot be shown again."
      onClose={onClose}
    >
      <CopyBlock text={secret} label={label} />
      {children}
      <DialogActions>
        <Button look="primary" onClick={onClose}>
          I have copied it
        </Button>
      </DialogActions>
    </Dialog>
  );
}
