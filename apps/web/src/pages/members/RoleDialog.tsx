import { useState } from "react";
import { ROLES, type Member } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { oneOf } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { SelectField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { ROLE_MEANS } from "./roleMeans.ts";

export function RoleDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const [role, setRole] = useState(member.role);
  const params = { user_id: member.user_id };
  const undo = useApi("memberChange", { onSuccess: () => say("Changed back") });
  const change = useApi("memberChange", {
    onSuccess: () => {
      say(`${member.name} is ${role} now`, () => undo.mutate({ params, body: { role: member.role } }));
      onClose();
    },
  });
  return (
    <FormDialog
      title={`Role of ${member.name}`}
      action="Change"
      whyNot={role === member.role ? "This is the role they have." : undefined}
      busy={change.isPending}
      error={change.error}
      onSubmit={() => change.mutate({ params, body: { role } })}
      onClose={onClose}
    >
      <SelectField
        label="Role"
        hint={ROLE_MEANS[role]}
        value={role}
        onChange={(event) => setRole(oneOf(event.target.value, ROLES) ?? role)}
      >
        {ROLES.map((choice) => (
          <option key={choice}>{choice}</option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
