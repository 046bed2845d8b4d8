import { useQuery } from "@tanstack/react-query";
import type { Rollout, RolloutAgent } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { REASON_WORD, ROLLOUT_AGENT_LOOK } from "../../api/rollouts.ts";
import { DataList, type Column } from "../../list/DataList.tsx";
import { useLiveList } from "../../list/useLiveList.ts";
import { paths } from "../../paths.ts";
import type { RolloutSearch } from "../../search.ts";
import { Empty } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const SITES_MAX = 200;
const rowId = (agent: RolloutAgent) => agent.agent_id;

/** Agents of a rollout with their verdicts, paged by the server and live. */
export function RolloutAgents({ rollout, search }: { rollout: Rollout; search: RolloutSearch }) {
  const { state, wave, reason_code } = search;
  const query = { state, reason_code, wave: wave === undefined ? undefined : wave - 1 };
  const list = useLiveList("rolloutAgents", { params: { rollout_id: rollout.id }, query }, rowId, rollout.id);
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items;
  const siteOf = (agent: RolloutAgent) => sites?.find(({ id }) => id === agent.site_id)?.name ?? "–";
  return (
    <DataList
      label="Agents of the rollout"
      noun="agent"
      list={list}
      rowId={rowId}
      link={(agent) => paths.agentTab(agent.agent_id, "configuration")}
      columns={columnsOf(rollout, siteOf)}
      narrow={(agent) => ({
        first: agent.name,
        second:
          agent.waiting === null && agent.reason === null ? (
            <>
              wave {agent.wave + 1} · <Time at={agent.state_since} />
            </>
          ) : (
            <Why agent={agent} />
          ),
        aside: <StateMark {...ROLLOUT_AGENT_LOOK[agent.state]} />,
      })}
      empty={
        <Empty>No agent of this rollout is in that state{wave === undefined ? "" : " and wave"} now.</Empty>
      }
    />
  );
}

function columnsOf(
  rollout: Rollout,
  siteOf: (agent: RolloutAgent) => string,
): readonly Column<RolloutAgent>[] {
  return [
    {
      name: "Agent",
      width: "minmax(150px, 2fr)",
      cell: (agent) => <span className="font-medium">{agent.name}</span>,
    },
    {
      name: "State",
      width: "100px",
      cell: (agent) => <StateMark {...ROLLOUT_AGENT_LOOK[agent.state]} />,
    },
    { name: "Why", width: "minmax(160px, 3fr)", cell: (agent) => <Why agent={agent} /> },
    ...(rollout.split === null
      ? []
      : [
          {
            name: "Gets",
            width: "64px",
            cell: (agent: RolloutAgent) => (
              <span className="text-n9">
                v{agent.variant === "version" ? rollout.version : rollout.split?.baseline_version}
              </span>
            ),
          },
        ]),
    {
      name: "Site",
      width: "64px",
      cell: (agent) => <span className="text-n9">{siteOf(agent)}</span>,
    },
    {
      name: "Wave",
      width: "40px",
      align: "right",
      cell: (agent) => <span className="text-n9">{agent.wave + 1}</span>,
    },
    {
      name: "Had",
      width: "36px",
      align: "right",
      cell: ({ from }) => (
        <span
          className="text-n9"
          title={from === null ? "nothing from Flowplane" : `version ${from.version}`}
        >
          {from === null ? "–" : `v${from.version}`}
        </span>
      ),
    },
    {
      name: "Tries",
      width: "36px",
      align: "right",
      cell: ({ attempts }) => <span className={attempts > 1 ? "text-attention" : "text-n8"}>{attempts}</span>,
    },
    {
      name: "Since",
      width: "80px",
      align: "right",
      cell: (agent) => <Time at={agent.state_since} className="text-n9" />,
    },
  ];
}

/** The reason in the agent's own words, or what it waits for. */
function Why({ agent }: { agent: RolloutAgent }) {
  if (agent.waiting !== null) return <span className="text-n9">waits for {agent.waiting.for}</span>;
  if (agent.reason === null && agent.reason_code === null) return <span className="text-n8">–</span>;
  const words = agent.reason ?? (agent.reason_code === null ? "" : REASON_WORD[agent.reason_code]);
  return (
    <span className={agent.state === "failed" ? "text-bad" : "text-n9"} title={words}>
      {words}
    </span>
  );
}
