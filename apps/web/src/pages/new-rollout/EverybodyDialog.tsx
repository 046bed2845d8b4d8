import { useState } from "react";
import { counted } from "../../lib/units.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";

interface EverybodyDialogProps {
  readonly name: string;
  readonly agents: number;
  readonly busy: boolean;
  readonly error: unknown;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}

/** Asked a second time when a rollout is for every agent there is. */
export function EverybodyDialog({ name, agents, busy, error, onConfirm, onClose }: EverybodyDialogProps) {
  const [typed, setTyped] = useState("");
  const whyNot = typed === name ? undefined : `Type ${name} to confirm.`;
  return (
    <Dialog
      title="Every agent"
      description={`The selector leaves nobody out: all ${counted(agents, "agent")} of the organization would get ${name}, in the waves you planned.`}
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined && !busy) onConfirm();
        }}
      >
        <TextField
          label={`Type ${name} to confirm`}
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {error === null ? null : <Problem error={error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="danger" busy={busy} whyNot={whyNot}>
            Start for every agent
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
