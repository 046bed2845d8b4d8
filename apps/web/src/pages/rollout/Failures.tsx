import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Rollout } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { REASON_WORD } from "../../api/rollouts.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import type { RolloutSearch } from "../../search.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";

interface FailuresProps {
  readonly rollout: Rollout;
  readonly onFilter: (part: RolloutSearch) => void;
}

/** Why agents failed, in their own words, the most frequent reason first. */
export function Failures({ rollout, onFilter }: FailuresProps) {
  const { failed, reverting, reverted } = rollout.counts;
  // Agents that were given back what they had still say why: that is when people ask.
  const wentBack = reverting + reverted > 0;
  const { data, error, refetch } = useQuery({
    ...q("rolloutFailures", { params: { rollout_id: rollout.id } }),
    enabled: failed > 0 || wentBack,
  });
  if (failed === 0 && error === null && (data?.items ?? []).length === 0) return null;
  return (
    <Section title="Failures">
      {error === null ? null : <Problem error={error} onRetry={() => void refetch()} />}
      <ul className="flex flex-col gap-3">
        {(data?.items ?? []).map(({ reason_code, reason, agents, examples }) => (
          <li key={`${reason_code}${reason}`} className="flex flex-col gap-1 border-l-2 border-bad pl-3">
            <button
              type="button"
              onClick={() =>
                onFilter({
                  state: wentBack ? undefined : "failed",
                  reason_code,
                  wave: undefined,
                  view: undefined,
                })
              }
              className="self-start rounded-sm text-left font-medium hover:underline"
            >
              {REASON_WORD[reason_code]} · {counted(agents, "agent")}
            </button>
            {reason === "" ? null : (
              <p className="font-mono text-xs break-words whitespace-pre-wrap text-n9">{reason}</p>
            )}
            <p className="text-sm text-n8">
              {examples.map(({ agent_id, name }, index) => (
                <span key={agent_id}>
                  {index === 0 ? "" : ", "}
                  <Link {...paths.agentTab(agent_id, "configuration")} className={TEXT_LINK}>
                    {name}
                  </Link>
                </span>
              ))}
              {agents > examples.length ? ` and ${agents - examples.length} more` : ""}
            </p>
          </li>
        ))}
      </ul>
    </Section>
  );
}
