import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Rollout } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { hasEnded, ROLLOUT_LOOK } from "../../api/rollouts.ts";
import { useKeys } from "../../frame/keys.ts";
import { paths } from "../../paths.ts";
import type { RolloutSearch } from "../../search.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { WaitingWords } from "../agent/AgentSentence.tsx";
import { Subject } from "../rollouts/Subject.tsx";
import { Comparison } from "./Comparison.tsx";
import { RolloutActions } from "./RolloutActions.tsx";
import { RolloutAgents } from "./RolloutAgents.tsx";
import { RolloutAside } from "./RolloutAside.tsx";
import { RolloutDialogs, type OpenDialog } from "./RolloutDialogs.tsx";
import { Verdicts } from "./Verdicts.tsx";
import { Waves } from "./Waves.tsx";

/** What stands below the waves. What is known about the rollout has a column of its own but on a narrow screen. */
const VIEWS = [
  { name: "Agents", view: undefined, only: "" },
  { name: "Comparison", view: "comparison", only: "" },
  { name: "Failures and plan", view: "details", only: "lg:hidden" },
] as const;

export default function RolloutPage() {
  const { rolloutId } = useParams({ from: "/frame/rollouts/$rolloutId" });
  const search = useSearch({ from: "/frame/rollouts/$rolloutId" });
  const navigate = useNavigate({ from: "/rollouts/$rolloutId" });
  const rollout = useSuspenseQuery(q("rolloutRead", { params: { rollout_id: rolloutId } })).data;
  const [dialog, setDialog] = useState<OpenDialog>("nothing");
  const details = search.view === "details";
  const filter = (part: RolloutSearch) =>
    void navigate({ to: ".", search: (now) => ({ ...now, ...part }), replace: true });
  useKeys([
    {
      keys: "p",
      does: rollout.state === "paused" ? "Resume the rollout" : "Pause the rollout",
      run: () => (hasEnded(rollout) ? undefined : setDialog(rollout.state === "paused" ? "resume" : "pause")),
    },
  ]);
  return (
    // What is read from top to bottom has no list of its own to scroll: on a narrow screen the page scrolls as a whole.
    <div
      className={`flex h-full min-h-0 flex-col ${search.view === undefined ? "" : "max-md:block max-md:overflow-y-auto"}`}
    >
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-4 pb-3 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">
              <Subject rollout={rollout} />
            </span>
            <span className="text-base font-normal tracking-normal">
              <StateMark {...ROLLOUT_LOOK[rollout.state]} />
            </span>
          </h1>
          <Sentence rollout={rollout} />
        </div>
        <RolloutActions rollout={rollout} onDialog={setDialog} />
      </header>
      <div className="px-6 pb-2 max-md:px-4">
        <Waves rollout={rollout} search={search} onFilter={(part) => filter({ ...part, view: undefined })} />
      </div>
      <div role="group" aria-label="What to see" className="flex gap-1 border-t border-n4 px-3">
        {VIEWS.map(({ name, view, only }) => (
          <button
            key={name}
            type="button"
            aria-pressed={view === search.view}
            onClick={() => filter({ view })}
            className={`border-b-2 border-transparent px-2 py-2 text-n9 aria-pressed:border-accent aria-pressed:font-medium aria-pressed:text-n10 ${only}`}
          >
            {name}
          </button>
        ))}
      </div>
      <div className="flex min-h-0 flex-1 border-t border-n4">
        <div className={`flex min-h-0 min-w-0 flex-1 flex-col ${details ? "max-lg:hidden" : ""}`}>
          {search.view === "comparison" ? (
            <Comparison rollout={rollout} search={search} onFilter={filter} />
          ) : (
            <>
              <div className="px-4 py-1.5 max-md:px-2">
                <Verdicts rollout={rollout} search={search} onFilter={filter} />
              </div>
              <RolloutAgents rollout={rollout} search={search} />
            </>
          )}
        </div>
        <RolloutAside rollout={rollout} onFilter={filter} className={details ? "" : "max-lg:hidden"} />
      </div>
      <RolloutDialogs rollout={rollout} dialog={dialog} onClose={() => setDialog("nothing")} />
    </div>
  );
}

/** Without its full stop: more stands behind it, after a dot. */
function open(sentence: string): string {
  return sentence.replace(/\.$/, "");
}

/** The server's sentence, what it waits for, and where the version can be seen. */
function Sentence({ rollout }: { rollout: Rollout }) {
  return (
    <p className="mt-0.5 max-w-[110ch] text-n9">
      {open(
        rollout.reason === null || rollout.sentence.includes(rollout.reason)
          ? rollout.sentence
          : `${rollout.sentence} ${rollout.reason}`,
      )}
      {rollout.waiting === null ? null : <WaitingWords waiting={rollout.waiting} />}
      {" · "}
      <Link
        {...paths.configurationTab(rollout.configuration_id, "versions", { version: rollout.version })}
        className={TEXT_LINK}
      >
        what v{rollout.version} changed
      </Link>
      {" · "}
      begun <Time at={rollout.created_at} /> by {rollout.created_by.name}
    </p>
  );
}
