import type { ReactNode } from "react";
import { Button } from "./Button.tsx";
import { Dialog, DialogActions } from "./Dialog.tsx";
import { Problem } from "./Problem.tsx";

interface FormDialogProps {
  readonly title: string;
  readonly description?: ReactNode;
  readonly wide?: boolean;
  /** The fields. */
  readonly children: ReactNode;
  /** What the button that sends it says. */
  readonly action: string;
  readonly danger?: boolean;
  /** Why it cannot be sent now. */
  readonly whyNot?: string | undefined;
  readonly busy: boolean;
  /** Why the last try failed; null or undefined where it did not. */
  readonly error: unknown;
  /** Called only where nothing speaks against sending it. */
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

/** A dialog with fields, to be sent or left. */
export function FormDialog({
  children,
  action,
  danger = false,
  whyNot,
  busy,
  error,
  onSubmit,
  onClose,
  ...dialog
}: FormDialogProps) {
  return (
    <Dialog {...dialog} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined && !busy) onSubmit();
        }}
      >
        {children}
        {error === null || error === undefined ? null : <Problem error={error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={danger ? "danger" : "primary"} busy={busy} whyNot={whyNot}>
            {action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
