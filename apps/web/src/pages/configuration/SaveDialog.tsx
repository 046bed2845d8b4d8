import { useMemo, useState } from "react";
import { REASON_LENGTH_MAX } from "@flowplane/contract";
import { q, queryClient, useApi } from "../../api/query.ts";
import { DiffView } from "../../diff/DiffView.tsx";
import { diffLines, withoutEqual } from "../../diff/lines.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import type { Draft } from "./draft.ts";
import type { Checked } from "./useCheck.ts";

interface SaveDialogProps {
  readonly configurationId: string;
  readonly current: number;
  readonly before: string;
  readonly draft: Draft;
  readonly checked: Checked;
  readonly onSaved: () => void;
  readonly onClose: () => void;
}

/** What becomes a version: the difference, and who could not take it. */
export function SaveDialog({
  configurationId,
  current,
  before,
  draft,
  checked,
  onSaved,
  onClose,
}: SaveDialogProps) {
  const [message, setMessage] = useState("");
  const rows = useMemo(() => withoutEqual(diffLines(before, draft.text)), [before, draft.text]);
  const params = { configuration_id: configurationId };
  const save = useApi("configurationVersionCreate", {
    onSuccess: async ({ version }) => {
      // The editor shows the current version next, so it must know which one that is.
      await queryClient.invalidateQueries({ queryKey: q("configurationRead", { params }).queryKey });
      onSaved();
      onClose();
      say(`Saved as v${version}`);
    },
  });
  const whyNot = message.trim() === "" ? "Say what changed and why." : undefined;
  return (
    <Dialog
      wide
      title={`Save as v${current + 1}`}
      description="A version never changes once it is saved, and saving it changes no agent."
      onClose={onClose}
    >
      <form
        className="flex min-w-0 flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot !== undefined || save.isPending) return;
          save.mutate({ params, body: { body: draft.text, message: message.trim(), based_on: draft.base } });
        }}
      >
        <TextField
          label="What changed and why"
          placeholder="Send audit logs to Kafka"
          maxLength={REASON_LENGTH_MAX}
          value={message}
          onChange={(event) => setMessage(event.target.value)}
        />
        <DiffView label={`Difference from v${draft.base}`} rows={rows} />
        <Reach checked={checked} />
        {save.error === null ? null : <Problem error={save.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={save.isPending} whyNot={whyNot}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Reach({ checked }: { checked: Checked }) {
  const lacks = checked.check?.lacks ?? [];
  const warnings = checked.problems.filter(({ severity }) => severity === "warning");
  return (
    <ul className="flex flex-col gap-1">
      {lacks.map(({ sentence }) => (
        <li key={sentence} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          {sentence}
        </li>
      ))}
      {warnings.map(({ line, message }) => (
        <li key={`${line}${message}`} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          Line {line}: {message}
        </li>
      ))}
    </ul>
  );
}
