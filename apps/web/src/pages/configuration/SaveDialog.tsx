import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { REASON_LENGTH_MAX } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, queryClient, useApi } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import type { ConfigurationText } from "./configurationText.ts";
import type { Draft, DraftKeeper } from "./DraftKeeper.ts";
import { VersionDiff } from "./VersionDiff.tsx";
import { partDiffs } from "./partDiffs.ts";
import { placeOf } from "./ProblemList.tsx";
import type { Checked } from "./useCheck.ts";

interface SaveDialogProps {
  readonly configurationId: string;
  readonly current: number;
  readonly before: ConfigurationText;
  readonly draft: Draft;
  readonly checked: Checked;
  readonly keeper: DraftKeeper;
  readonly onClose: () => void;
}

/** What becomes a version: the difference, and whom it would reach once it is rolled out. */
export function SaveDialog({
  configurationId,
  current,
  before,
  draft,
  checked,
  keeper,
  onClose,
}: SaveDialogProps) {
  const navigate = useNavigate();
  const mayNotRollOut = useMayNot("rollout:write");
  const [message, setMessage] = useState("");
  const [then, setThen] = useState<"stay" | "roll-out">("stay");
  const diffs = useMemo(() => partDiffs(before, draft), [before, draft]);
  const params = { configuration_id: configurationId };
  const save = useApi("configurationVersionCreate", {
    onSuccess: async (saved) => {
      const { version } = saved;
      // Its text is here already.
      queryClient.setQueryData(
        q("configurationVersionRead", { params: { ...params, version: String(version) } }).queryKey,
        { ...saved, body: draft.body, overlays: [...draft.overlays] },
      );
      // The editor shows the current version next, so it must know which one that is.
      await queryClient.invalidateQueries({ queryKey: q("configurationRead", { params }).queryKey });
      keeper.ended();
      onClose();
      say(`Saved as v${version}`);
      if (then === "roll-out")
        void navigate(paths.newRollout({ configuration_id: configurationId, version }));
    },
  });
  const whyNot = message.trim() === "" ? "Say what changed and why." : undefined;
  const submit = async (next: typeof then) => {
    setThen(next);
    // The draft's last words come before the version that ends it, not after.
    const revision = await keeper.pause();
    const body = {
      body: draft.body,
      overlays: [...draft.overlays],
      message: message.trim(),
      based_on: draft.base,
      ...(revision === 0 ? {} : { draft_revision: revision }),
    };
    save.mutate({ params, body }, { onError: () => keeper.resume() });
  };
  return (
    <Dialog
      wide
      title={`Save as v${current + 1}`}
      description="A version never changes once it is saved. No agent gets it before it is rolled out."
      onClose={onClose}
    >
      <form
        className="flex min-w-0 flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined && !save.isPending) void submit("stay");
        }}
      >
        <TextField
          label="What changed and why"
          placeholder="Send audit logs to Kafka"
          maxLength={REASON_LENGTH_MAX}
          value={message}
          onChange={(event) => setMessage(event.target.value)}
        />
        <VersionDiff label={`Difference from v${draft.base}`} diffs={diffs} />
        <Reach configurationId={configurationId} checked={checked} />
        {save.error === null ? null : <Problem error={save.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            busy={save.isPending && then === "roll-out"}
            whyNot={mayNotRollOut ?? whyNot}
            onClick={() => void submit("roll-out")}
          >
            Save and roll out…
          </Button>
          <Button type="submit" look="primary" busy={save.isPending && then === "stay"} whyNot={whyNot}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function Reach({ configurationId, checked }: { configurationId: string; checked: Checked }) {
  const places = useQuery(q("configurationPlaces", { params: { configuration_id: configurationId } })).data;
  const agents = (places?.items ?? []).reduce((sum, place) => sum + place.agents, 0);
  const lacks = checked.check?.lacks ?? [];
  const warnings = checked.problems.filter(({ severity }) => severity === "warning");
  return (
    <ul className="flex flex-col gap-1">
      {places === undefined ? null : (
        <li className="flex items-baseline gap-2">
          <StateShape tone="busy" />
          {agents === 0
            ? "No agent has a version of it yet; a rollout says which ones get it."
            : `${counted(agents, "agent")} ${agents === 1 ? "has" : "have"} a version of it and would be reached by a rollout to the same ones.`}
        </li>
      )}
      {lacks.map(({ sentence }) => (
        <li key={sentence} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          {sentence} They would be left out.
        </li>
      ))}
      {warnings.map((warning) => (
        <li key={`${placeOf(warning)}${warning.message}`} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          <span>
            <span className="font-mono text-xs text-n8">{placeOf(warning)}</span> {warning.message}
          </span>
        </li>
      ))}
    </ul>
  );
}
