import type { ReactNode } from "react";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { Problem } from "../../ui/Problem.tsx";

interface RevokeDialogProps {
  readonly title: string;
  /** What exactly ends, and what does not. */
  readonly children: ReactNode;
  readonly action?: string;
  readonly busy: boolean;
  readonly error: Error | null;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

export function RevokeDialog({
  title,
  children,
  action = "Revoke",
  busy,
  error,
  onConfirm,
  onClose,
}: RevokeDialogProps) {
  return (
    <Dialog title={title} description={children} onClose={onClose}>
      {error === null ? null : <Problem error={error} />}
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button look="danger" busy={busy} onClick={onConfirm}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
