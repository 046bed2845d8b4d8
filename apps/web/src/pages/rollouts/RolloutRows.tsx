import { Link } from "@tanstack/react-router";
import type { Rollout } from "@flowplane/contract";
import { ROLLOUT_LOOK } from "../../api/rollouts.ts";
import { paths } from "../../paths.ts";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { ProgressBar } from "./ProgressBar.tsx";
import { Subject } from "./Subject.tsx";

/** Rollouts as a short list: of a configuration, of an agent. */
export function RolloutRows({ rollouts }: { rollouts: readonly Rollout[] }) {
  return (
    <ul>
      {rollouts.map((rollout) => (
        <li key={rollout.id} className="border-t border-n3 first:border-t-0">
          <Link
            {...paths.rollout(rollout.id)}
            className="grid min-h-9 grid-cols-[minmax(0,1.2fr)_112px_minmax(120px,1fr)_minmax(0,2fr)_84px] items-center gap-4 rounded-sm px-1 hover:bg-n1 max-md:grid-cols-[minmax(0,1fr)_104px_72px] max-md:gap-3"
          >
            <span className="truncate">
              <Subject rollout={rollout} />
            </span>
            <StateMark {...ROLLOUT_LOOK[rollout.state]} />
            <span className="max-md:hidden">
              <ProgressBar counts={rollout.counts} agents={rollout.agents} />
            </span>
            <span className="truncate text-n9 max-md:hidden">{rollout.message}</span>
            <span className="text-right text-n9">
              <Time at={rollout.created_at} />
            </span>
          </Link>
        </li>
      ))}
    </ul>
  );
}
