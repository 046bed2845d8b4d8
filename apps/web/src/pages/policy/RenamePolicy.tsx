import { useState } from "react";
import type { Policy } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { say } from "../../ui/announce.ts";
import { TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";

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
    <FormDialog
      title={`Rename ${policy.name}`}
      action="Save"
      whyNot={name.trim() === "" ? "Give it a name." : undefined}
      busy={change.isPending}
      error={change.error}
      onSubmit={() =>
        change.mutate({ params: { policy_id: policy.id }, body: { name: name.trim(), description } })
      }
      onClose={onClose}
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
    </FormDialog>
  );
}
