import type { Member } from "@flowplane/contract";
import { useApi } from "../../api/query.ts";
import { Button } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Time } from "../../ui/Time.tsx";

/** A one-time link to pass on by hand, for installations without mail. */
export function SignInLinkDialog({ member, onClose }: { member: Member; onClose: () => void }) {
  const make = useApi("signInLinkCreate");
  return (
    <Dialog
      title={`Sign-in link for ${member.name}`}
      description="Whoever opens the link first is signed in as this person, once. Pass it on privately."
      onClose={onClose}
    >
      {make.data === undefined ? null : (
        <>
          <CopyBlock text={make.data.url} label="sign-in link" />
          <p className="text-sm text-n8">
            It expires <Time at={make.data.expires_at} />.
          </p>
        </>
      )}
      {make.error === null ? null : <Problem error={make.error} />}
      <DialogActions>
        <Button onClick={onClose}>{make.data === undefined ? "Cancel" : "Close"}</Button>
        {make.data === undefined ? (
          <Button
            look="primary"
            busy={make.isPending}
            onClick={() => make.mutate({ body: { user_id: member.user_id } })}
          >
            Make the link
          </Button>
        ) : null}
      </DialogActions>
    </Dialog>
  );
}
