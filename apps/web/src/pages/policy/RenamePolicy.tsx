import { useState } from "react";
import type { Policy } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";

export function RenamePolicy({ policy, onClose }: { policy: Policy; onClose: () => void }) {
  const [name, setName] = useState(policy.name);
  const [description, setDescription] = useState(policy.description);
  const change = useApi("policyChange", {
    onSuccess: () => {
      say("Saved");
      onClose();
    },
  });
  return (
    <Dialog title={`Rename ${policy.name}`} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (!change.isPending && name.trim() !== "")
            change.mutate({ params: { policy_id: policy.id }, body: { name: name.trim(), description } });
        }}
      >
        <TextField
          label="Name"
          maxLength={200}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <TextField
          label="What it is for"
          maxLength={2_000}
          value={description}
          onChange={(event) => setDescription(event.target.value)}
        />
        {change.error === null ? null : <Problem error={change.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            look="primary"
            busy={change.isPending}
            whyNot={name.trim() === "" ? "Give it a name." : undefined}
          >
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
