import { useMutation } from "@tanstack/react-query";
import { counted } from "../../lib/units.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { Problem } from "../../ui/Problem.tsx";
import type { DraftKeeper } from "./DraftKeeper.ts";

interface DiscardDialogProps {
  readonly base: number;
  readonly counts: { readonly added: number; readonly removed: number };
  readonly keeper: DraftKeeper;
  readonly onClose: () => void;
}

/** Nothing keeps a draft that is thrown away, so it is asked for. */
export function DiscardDialog({ base, counts, keeper, onClose }: DiscardDialogProps) {
  const discard = useMutation({
    mutationFn: () => keeper.discard(),
    onSuccess: () => {
      say("The draft is discarded");
      onClose();
    },
  });
  return (
    <Dialog
      title="Discard your draft?"
      description={`What you wrote since v${base} is lost: ${counted(counts.added, "line")} added, ${counts.removed} removed. Versions and agents stay as they are.`}
      onClose={onClose}
    >
      {discard.error === null ? null : <Problem error={discard.error} />}
      <DialogActions>
        <Button onClick={onClose}>Keep it</Button>
        <Button look="danger" busy={discard.isPending} onClick={() => discard.mutate()}>
          Discard draft
        </Button>
      </DialogActions>
    </Dialog>
  );
}
