/** The first page: one sentence, what needs somebody, and the counts behind it. */
import { isTerminal, type AgentDetail, type Api, type EndpointOutput } from "@flowplane/contract";
import type { Handlers } from "./answer.ts";
import { iso, range } from "./random.ts";
import type { World } from "./world.ts";

export const overview = {
  overview: ({ world }) => overviewOf(world),
} satisfies Partial<Handlers>;

function overviewOf(world: World): EndpointOutput<Api["overview"]> {
  const now = Date.now();
  const states = Object.entries(Object.groupBy(world.agents, ({ state }) => state)).map(
    ([state, agents]) => ({ state: state as AgentDetail["state"], count: agents.length }),
  );
  const active = world.runs.filter(({ state }) => !isTerminal(state)).length;
  const hours = range(0, 23).map((index) => {
    const from = Math.floor(now / 3_600_000 - 23 + index) * 3_600_000;
    const inHour = world.runs.filter(
      ({ created_at }) => Date.parse(created_at) >= from && Date.parse(created_at) < from + 3_600_000,
    );
    return {
      hour: iso(from),
      states: Object.fromEntries(
        Object.entries(Object.groupBy(inHour, ({ state }) => state)).map(([state, runs]) => [
          state,
          runs.length,
        ]),
      ),
    };
  });
  const needs = world.agents.slice(0, 400).flatMap((agent): EndpointOutput<Api["overview"]>["needs"] => {
    const base = { since: agent.state_since, resource: "agent" as const, id: agent.id };
    if (agent.state === "offline")
      return [{ ...base, kind: "agent_offline", severity: "bad", title: `${agent.name} is offline` }];
    if (agent.state === "pending")
      return [
        { ...base, kind: "agent_pending", severity: "attention", title: `${agent.name} waits for approval` },
      ];
    return agent.healthy === false
      ? [
          {
            ...base,
            kind: "agent_unhealthy",
            severity: "attention",
            title: `${agent.name} reports something unhealthy`,
          },
        ]
      : [];
  });
  const survivors = world.runs
    .filter(({ state }) => state === "FAILED_STOP")
    .map((run) => ({
      kind: "run_failed_stop" as const,
      severity: "bad" as const,
      title: `${run.name} could not be stopped on ${run.agent_name}`,
      since: run.state_since,
      resource: "run" as const,
      id: run.id,
    }));
  const open = world.incidents
    .filter(({ state }) => state === "open")
    .map((incident) => ({
      kind: "incident" as const,
      severity: incident.severity === "critical" ? ("bad" as const) : ("attention" as const),
      title: `${incident.run_name}: ${incident.title}`,
      since: incident.opened_at,
      resource: "incident" as const,
      id: incident.id,
    }));
  const storms = world.sites.flatMap((site) =>
    site.detection_fallback === null
      ? []
      : [
          {
            kind: "detection_fallback" as const,
            severity: "attention" as const,
            title: `Too many interventions in ${site.name}: every policy there only watches`,
            since: iso(now - 600_000),
            resource: "site" as const,
            id: site.id,
          },
        ],
  );
  const connected = states.find(({ state }) => state === "connected")?.count ?? 0;
  return {
    sentence:
      world.agents.length === 0
        ? "No agent yet: add the first one to begin."
        : `${connected.toLocaleString("en")} of ${world.agents.length.toLocaleString("en")} agents connected, ${active} runs active, ${needs.length + survivors.length + open.length + storms.length} things need you.`,
    needs: [
      ...open,
      ...storms,
      ...survivors,
      ...needs.toSorted((a, b) => (a.severity === b.severity ? 0 : a.severity === "bad" ? -1 : 1)),
    ].slice(0, 12),
    agents: states,
    runs: hours,
    runs_active: active,
    checklist: {
      agent_enrolled: world.agents.length > 0,
      first_run: world.runs.length > 0,
      first_collector: world.agents.some(({ kind }) => kind === "collector"),
    },
  };
}
