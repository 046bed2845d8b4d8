import { UserMinus, UserPlus } from "lucide-react";
import { useState } from "react";
import { ROLES, type Member, type Role } from "@flowplane/contract";
import { useMayNot, useMe } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { oneOf } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Time } from "../../ui/Time.tsx";
import { RevokeDialog } from "../tokens/RevokeDialog.tsx";
import { InviteDialog } from "./InviteDialog.tsx";
import { ROLE_MEANS } from "./roleMeans.ts";

const rowId = (member: Member) => member.user_id;

export default function MembersPage() {
  const me = useMe();
  const mayNot = useMayNot("member:write");
  const list = useLiveList("memberList", { query: {} }, rowId);
  const [dialog, setDialog] = useState<"nothing" | "invite" | Member>("nothing");
  const close = () => setDialog("nothing");
  const cannotRemove = (member: Member) =>
    mayNot ?? (member.user_id === me.actor.id ? "You cannot remove yourself; another admin can." : undefined);
  return (
    <FullPage
      title="Members"
      sentence={
        list.total === null
          ? undefined
          : `${counted(list.total, "person", "people")} can sign in to ${me.organization.name}.`
      }
      actions={
        <Button
          look="primary"
          icon={<UserPlus size={16} />}
          whyNot={mayNot}
          onClick={() => setDialog("invite")}
        >
          Invite
        </Button>
      }
    >
      <DataList
        label="Members"
        noun="member"
        list={list}
        rowId={rowId}
        columns={columns(mayNot)}
        narrow={(member) => ({ first: member.name, second: member.email, aside: member.role })}
        action={(member) => (
          <IconButton
            label={`Remove ${member.name}`}
            whyNot={cannotRemove(member)}
            onClick={() => (cannotRemove(member) === undefined ? setDialog(member) : undefined)}
          >
            <UserMinus size={16} />
          </IconButton>
        )}
        empty={<Empty>Nobody is a member yet. Invite people by e-mail.</Empty>}
      />
      {dialog === "invite" ? <InviteDialog onClose={close} /> : null}
      {typeof dialog === "object" ? <Remove member={dialog} onClose={close} /> : null}
    </FullPage>
  );
}

function columns(mayNot: string | undefined): readonly Column<Member>[] {
  return [
    {
      name: "Name",
      width: "minmax(120px, 1.4fr)",
      cell: (member) => <span className="font-medium">{member.name}</span>,
    },
    {
      name: "E-mail",
      width: "minmax(140px, 2fr)",
      cell: (member) => <span className="text-n9">{member.email}</span>,
    },
    {
      name: "Role",
      width: "minmax(110px, 1fr)",
      cell: (member) => <RoleChoice member={member} mayNot={mayNot} />,
    },
    {
      name: "Signed in",
      width: "minmax(90px, 1fr)",
      cell: (member) => <Time at={member.last_signed_in_at} className="text-n9" />,
    },
    {
      name: "Member since",
      width: "minmax(90px, 1fr)",
      cell: (member) => <Time at={member.created_at} className="text-n9" />,
    },
  ];
}

function RoleChoice({ member, mayNot }: { member: Member; mayNot: string | undefined }) {
  const undo = useApi("memberChange", { onSuccess: () => say("Changed back") });
  const change = useApi("memberChange", {
    onSuccess: ({ role }) =>
      say(`${member.name} is ${role} now`, () =>
        undo.mutate({ params: { user_id: member.user_id }, body: { role: member.role } }),
      ),
  });
  if (mayNot !== undefined)
    return (
      <span className="text-n9" title={ROLE_MEANS[member.role]}>
        {member.role}
      </span>
    );
  return (
    <>
      <select
        aria-label={`Role of ${member.name}`}
        title={ROLE_MEANS[member.role]}
        value={member.role}
        onChange={(event) => {
          const role = oneOf<Role>(event.target.value, ROLES);
          if (role !== undefined) change.mutate({ params: { user_id: member.user_id }, body: { role } });
        }}
        className="h-7 rounded-md border border-n5 bg-n0 px-1.5 text-n10"
      >
        {ROLES.map((role) => (
          <option key={role}>{role}</option>
        ))}
      </select>
      {change.error === null ? null : (
        <div className="fixed inset-x-4 bottom-4 z-50 mx-auto max-w-lg">
          <Problem error={change.error} />
        </div>
      )}
    </>
  );
}

function Remove({ member, onClose }: { member: Member; onClose: () => void }) {
  const remove = useApi("memberRemove", {
    onSuccess: () => {
      say(`${member.name} is removed`);
      onClose();
    },
  });
  return (
    <RevokeDialog
      title={`Remove ${member.name}`}
      action="Remove"
      busy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ params: { user_id: member.user_id } })}
      onClose={onClose}
    >
      {member.email} is signed out everywhere at once and cannot sign in to this organization again. What they
      did stays in the audit log.
    </RevokeDialog>
  );
}
