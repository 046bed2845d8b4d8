import { useState } from "react";
import { ROLES, type Role } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { oneOf } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { FormDialog } from "../../ui/FormDialog.tsx";
import { Time } from "../../ui/Time.tsx";
import { ROLE_MEANS } from "./roleMeans.ts";

export function InviteDialog({ onClose }: { onClose: () => void }) {
  const [form, setForm] = useState<{ email: string; name: string; role: Role }>({
    email: "",
    name: "",
    role: "operator",
  });
  const set = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }));
  const invite = useApi("memberInvite", {
    onSuccess: ({ member, mailed }) => {
      if (!mailed) return;
      say(`A sign-in link is on its way to ${member.email}`);
      onClose();
    },
  });
  const link = invite.data?.link;
  if (invite.data !== undefined && !invite.data.mailed && link !== null && link !== undefined) {
    return (
      <Dialog
        title={`${invite.data.member.name} is a member`}
        description="Mail is not set up here, so pass this link on yourself. Whoever opens it first is signed in, once."
        onClose={onClose}
      >
        <CopyBlock text={link.url} label="sign-in link" />
        <p className="text-sm text-n8">
          It expires <Time at={link.expires_at} />.
        </p>
        <DialogActions>
          <Button look="primary" onClick={onClose}>
            I have copied it
          </Button>
        </DialogActions>
      </Dialog>
    );
  }
  return (
    <FormDialog
      title="Invite a person"
      action="Invite"
      whyNot={form.email === "" ? "Enter an e-mail address first." : undefined}
      busy={invite.isPending}
      error={invite.error}
      onSubmit={() => {
        const { email, name, role } = form;
        invite.mutate({ body: { email, role, ...(name.trim() === "" ? {} : { name: name.trim() }) } });
      }}
      onClose={onClose}
    >
      <TextField
        label="E-mail"
        type="email"
        autoFocus
        required
        value={form.email}
        onChange={(event) => set({ email: event.target.value })}
      />
      <TextField
        label="Name"
        maxLength={200}
        value={form.name}
        onChange={(event) => set({ name: event.target.value })}
      />
      <SelectField
        label="Role"
        hint={ROLE_MEANS[form.role]}
        value={form.role}
        onChange={(event) => set({ role: oneOf(event.target.value, ROLES) ?? form.role })}
      >
        {ROLES.map((role) => (
          <option key={role}>{role}</option>
        ))}
      </SelectField>
    </FormDialog>
  );
}
