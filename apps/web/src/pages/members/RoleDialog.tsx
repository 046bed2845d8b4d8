import { useState } from "react";
import { ROLES, type Member } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { oneOf } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
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
    <Dialog title={`Role of ${member.name}`} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (role !== member.role) change.mutate({ params, body: { role } });
        }}
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
        {change.error === null ? null : <Problem error={change.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            look="primary"
            busy={change.isPending}
            whyNot={role === member.role ? "This is the role they have." : undefined}
          >
            Change
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
