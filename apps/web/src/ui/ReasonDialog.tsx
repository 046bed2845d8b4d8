import { useState, type ReactNode } from "react";
import { REASON_LENGTH_MAX } from "@flowplane/contract";
import { TextArea, TextField } from "./Field.tsx";
import { FormDialog } from "./FormDialog.tsx";

interface ReasonDialogProps {
  readonly title: string;
  /** What exactly it touches. */
  readonly description: ReactNode;
  readonly action: string;
  readonly danger?: boolean;
  /** The name to type for what cannot be undone and ends an identity. */
  readonly typeName?: string;
  readonly busy: boolean;
  readonly error: unknown;
  readonly onSubmit: (reason: string) => void;
  readonly onClose: () => void;
}

/** Asks why before something that the audit log keeps a reason for. */
export function ReasonDialog({
  title,
  description,
  action,
  danger = true,
  typeName,
  busy,
  error,
  onSubmit,
  onClose,
}: ReasonDialogProps) {
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const whyNot =
    reason.trim() === ""
      ? "Say why first; it is kept in the audit log."
      : typeName !== undefined && typed !== typeName
        ? `Type ${typeName} to confirm.`
        : undefined;
  return (
    <FormDialog
      title={title}
      description={description}
      action={action}
      danger={danger}
      whyNot={whyNot}
      busy={busy}
      error={error}
      onSubmit={() => onSubmit(reason.trim())}
      onClose={onClose}
    >
      <TextArea
        label="Reason"
        hint="Shown on the timeline and kept in the audit log."
        value={reason}
        maxLength={REASON_LENGTH_MAX}
        onChange={(event) => setReason(event.target.value)}
      />
      {typeName === undefined ? null : (
        <TextField
          label={`Type ${typeName} to confirm`}
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
      )}
    </FormDialog>
  );
}
