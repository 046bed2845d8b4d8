import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { DELIVERY_STATES } from "@flowplane/contract";
import { DELIVERY_LOOK } from "../../api/delivery.ts";
import { q } from "../../api/query.ts";
import { counted, number } from "../../lib/units.ts";
import { toggleTerm } from "../../list/filterText.ts";
import { paths } from "../../paths.ts";
import { buttonClass } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Empty, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { TONE_FILL } from "../../ui/toneFill.ts";
import { RolloutRows } from "../rollouts/RolloutRows.tsx";

const ROLLOUTS_MAX = 20;

/** Which agents should run which version, whether they do, and how it came to them. */
export default function ConfigurationPlaces() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const params = { configuration_id: configurationId };
  const { name } = useSuspenseQuery(q("configurationRead", { params })).data;
  const places = useQuery(q("configurationPlaces", { params }));
  const rollouts = useQuery(
    q("rolloutList", { query: { configuration_id: configurationId, limit: ROLLOUTS_MAX } }),
  ).data?.items;
  if (places.error !== null) return <Problem error={places.error} onRetry={() => void places.refetch()} />;
  const items = places.data?.items;
  const most = Math.max(1, ...(items ?? []).map(({ agents }) => agents));
  return (
    <TabPage>
      <Section
        title="Versions"
        aside={
          <Link {...paths.agents({ q: toggleTerm("", "configuration", name) })} className={TEXT_LINK}>
            These agents in the fleet
          </Link>
        }
      >
        {items === undefined ? (
          <Rows count={3} />
        ) : items.length === 0 ? (
          <Empty
            action={
              <Link
                {...paths.newRollout({ configuration_id: configurationId })}
                className={buttonClass("primary")}
              >
                Roll it out
              </Link>
            }
          >
            No agent has it yet. A rollout brings it to one agent first and to the others when that one stays
            well.
          </Empty>
        ) : (
          <ul>
            {items.map(({ version, agents, states }) => (
              <li
                key={version}
                className="grid min-h-10 grid-cols-[56px_minmax(80px,1fr)_110px_minmax(0,2fr)] items-center gap-4 border-t border-n3 first:border-t-0 max-md:grid-cols-[48px_minmax(0,1fr)_90px] max-md:py-2"
              >
                <Link
                  {...paths.configurationTab(configurationId, "versions", { version })}
                  className="font-medium hover:underline"
                >
                  v{version}
                </Link>
                <span aria-hidden="true" className="flex h-2 gap-px overflow-hidden rounded-sm bg-n2">
                  {DELIVERY_STATES.map((state) => {
                    const count = states[state] ?? 0;
                    return count === 0 ? null : (
                      <span
                        key={state}
                        className={TONE_FILL[DELIVERY_LOOK[state].tone]}
                        style={{ width: `${(count / most) * 100}%`, minWidth: 2 }}
                      />
                    );
                  })}
                </span>
                <span className="text-right">{counted(agents, "agent")}</span>
                <span className="flex flex-wrap gap-x-4 max-md:col-span-3">
                  {DELIVERY_STATES.filter((state) => (states[state] ?? 0) > 0).map((state) => (
                    <span key={state} className="inline-flex items-center gap-1">
                      <StateMark {...DELIVERY_LOOK[state]} quiet />
                      <span className="text-n8">{number(states[state] ?? 0)}</span>
                    </span>
                  ))}
                </span>
              </li>
            ))}
          </ul>
        )}
      </Section>
      <Section
        title="Rollouts"
        aside={
          <Link {...paths.rollouts({ configuration_id: configurationId })} className={TEXT_LINK}>
            All of them
          </Link>
        }
      >
        {rollouts === undefined ? (
          <Rows count={3} />
        ) : rollouts.length === 0 ? (
          <p className="text-n8">It was never rolled out.</p>
        ) : (
          <RolloutRows rollouts={rollouts} />
        )}
      </Section>
    </TabPage>
  );
}
