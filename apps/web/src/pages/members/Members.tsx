import { Ellipsis, UserPlus } from "lucide-react";
import { useState } from "react";
import type { Member } from "@flowplane/contract";
import { useMayNot, useMe } from "../../api/me.ts";
import { useApi } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { Empty, FullPage } from "../../ui/Page.tsx";
import { Time } from "../../ui/Time.tsx";
import { RevokeDialog } from "../tokens/RevokeDialog.tsx";
import { InviteDialog } from "./InviteDialog.tsx";
import { RoleDialog } from "./RoleDialog.tsx";
import { ROLE_MEANS } from "./roleMeans.ts";
import { SignInLinkDialog } from "./SignInLinkDialog.tsx";

type OpenDialog =
  | { readonly kind: "nothing" | "invite" }
  | { readonly kind: "link" | "role" | "remove"; readonly member: Member };
const rowId = (member: Member) => member.user_id;

export default function MembersPage() {
  const me = useMe();
  const mayNot = useMayNot("member:write");
  const list = useLiveList("memberList", { query: {} }, rowId);
  const [dialog, setDialog] = useState<OpenDialog>({ kind: "nothing" });
  const close = () => setDialog({ kind: "nothing" });
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
          onClick={() => setDialog({ kind: "invite" })}
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
        columns={COLUMNS}
        narrow={(member) => ({ first: member.name, second: member.email, aside: member.role })}
        action={(member) => (
          <Menu
            trigger={
              <button
                type="button"
                aria-label={`Actions for ${member.name}`}
                className={buttonClass("quiet", "w-7 px-0! max-md:w-9")}
              >
                <Ellipsis size={16} aria-hidden="true" />
              </button>
            }
            entries={[
              {
                kind: "item",
                text: "Make a sign-in link…",
                whyNot: mayNot,
                onSelect: () => setDialog({ kind: "link", member }),
              },
              {
                kind: "item",
                text: "Change the role…",
                whyNot: mayNot,
                onSelect: () => setDialog({ kind: "role", member }),
              },
              { kind: "line" },
              {
                kind: "item",
                danger: true,
                text: "Remove…",
                whyNot: cannotRemove(member),
                onSelect: () => setDialog({ kind: "remove", member }),
              },
            ]}
          />
        )}
        empty={<Empty>Nobody is a member yet. Invite people by e-mail.</Empty>}
      />
      {dialog.kind === "invite" ? <InviteDialog onClose={close} /> : null}
      {dialog.kind === "link" ? <SignInLinkDialog member={dialog.member} onClose={close} /> : null}
      {dialog.kind === "role" ? <RoleDialog member={dialog.member} onClose={close} /> : null}
      {dialog.kind === "remove" ? <Remove member={dialog.member} onClose={close} /> : null}
    </FullPage>
  );
}

const COLUMNS: readonly Column<Member>[] = [
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
    cell: (member) => (
      <span className="text-n9" title={ROLE_MEANS[member.role]}>
        {member.role}
      </span>
    ),
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
