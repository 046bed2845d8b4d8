import type { AgentState, Need, Overview } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { plural } from "../../platform/words.ts";
import { agentState, type StateColumns } from "../fleet/state.ts";
import {
  AGENTS_NAMED_MAX,
  countActiveRuns,
  countAgents,
  countRunsByHour,
  listExpiringTokens,
  listFailedStops,
  listFallbacks,
  listHaltedRollouts,
  listOpenIncidents,
  listTroubledAgents,
  readChecklist,
  NEEDS_PER_KIND_MAX,
  STRIP_HOURS,
  type AgentCount,
  type Trouble,
} from "./store.ts";

const HOUR_MS = 3_600_000;

/** Everything the first page shows, read in one transaction. */
export async function readOverview(ctx: Ctx): Promise<Overview> {
  const now = ctx.now();
  return inTransaction(ctx, async (ctx) => {
    const counts = await countAgents(ctx.db, now);
    const agents = byState(counts);
    const needs = await readNeeds(ctx, counts, now);
    const active = await countActiveRuns(ctx.db);
    return {
      sentence: sentence(agents, needs.length, active),
      needs,
      agents,
      runs: await readStrip(ctx, now),
      runs_active: active,
      checklist: await readChecklist(ctx.db),
    };
  });
}

function byState(counts: readonly AgentCount[]): Overview["agents"] {
  const sums = new Map<AgentState, number>();
  for (const { state, count } of counts) sums.set(state, (sums.get(state) ?? 0) + count);
  return [...sums].map(([state, count]) => ({ state, count }));
}

/** What waits for a person, worst first. Few agents with one trouble are named, many are told by their number. */
async function readNeeds(ctx: Tx, counts: readonly AgentCount[], now: number): Promise<Need[]> {
  const troubles = counts.flatMap(({ trouble, count, latest }) =>
    trouble === null ? [] : [{ trouble, count, latest }],
  );
  const few = troubles.filter(({ count }) => count <= AGENTS_NAMED_MAX).map(({ trouble }) => trouble);
  const many = troubles.filter(({ count }) => count > AGENTS_NAMED_MAX);
  const stops = (await listFailedStops(ctx.db, now)).map((run): Need => ({
    kind: "run_failed_stop",
    severity: "bad",
    title: `${run.name} on ${run.agent_name} could not be stopped; something of it still runs`,
    since: timestamp(run.state_since),
    resource: "run",
    id: run.id,
  }));
  const agents = [
    ...many.map(needOfMany),
    ...(await listTroubledAgents(ctx.db, few, now)).map((agent) => needOf(agent, now)),
  ];
  const tokens = (await listExpiringTokens(ctx.db, now)).map((token): Need => ({
    kind: "token_expiring",
    severity: "attention",
    title: `The enrolment token ${token.name} runs out within a day`,
    since: timestamp(token.expires_at),
    resource: "enrolment_token",
    id: token.id,
  }));
  const incidents = (await listOpenIncidents(ctx.db)).map((incident): Need => ({
    kind: "incident",
    severity: incident.severity === "info" ? "attention" : "bad",
    title: `${incident.run_name} on ${incident.agent_name}: ${incident.title}`,
    since: timestamp(incident.opened_at),
    resource: "incident",
    id: incident.id,
  }));
  const fallbacks = (await listFallbacks(ctx.db, now)).map((site): Need => ({
    kind: "detection_fallback",
    severity: "bad",
    title: `Detection only watches in ${site.name}: ${site.detection_fallback_reason ?? "the guard tripped"}`,
    since: timestamp(site.detection_fallback_since ?? new Date(now)),
    resource: "site",
    id: site.id,
  }));
  const rollouts = (await listHaltedRollouts(ctx.db, now))
    .flatMap(needOfRollout)
    .slice(0, NEEDS_PER_KIND_MAX);
  return [...stops, ...fallbacks, ...incidents, ...rollouts, ...agents, ...tokens].toSorted(
    (a, b) => Number(a.severity === "attention") - Number(b.severity === "attention"),
  );
}

async function readStrip(ctx: Tx, now: number): Promise<Overview["runs"]> {
  const firstHour = Math.floor(now / HOUR_MS) * HOUR_MS - (STRIP_HOURS - 1) * HOUR_MS;
  const byHour = await countRunsByHour(ctx.db, new Date(firstHour));
  return Array.from({ length: STRIP_HOURS }, (_, index) => {
    const hour = firstHour + index * HOUR_MS;
    const counts = byHour.filter((row) => row.hour.getTime() === hour);
    return {
      hour: new Date(hour).toISOString(),
      states: Object.fromEntries(counts.map((row) => [row.state, row.count])),
    };
  });
}

interface Troubled extends StateColumns {
  readonly id: string;
  readonly name: string;
  readonly health_status: string | null;
  readonly trouble: Trouble;
}

const TROUBLES = {
  pending: {
    kind: "agent_pending",
    severity: "attention",
    one: "waits for approval",
    many: "wait for approval",
    query: "state:pending",
  },
  silent: {
    kind: "agent_offline",
    severity: "attention",
    one: "has gone silent",
    many: "have gone silent",
    query: "state:stale",
  },
  offline: {
    kind: "agent_offline",
    severity: "bad",
    one: "is offline",
    many: "are offline",
    query: "state:offline",
  },
  unhealthy: {
    kind: "agent_unhealthy",
    severity: "bad",
    one: "is unhealthy",
    many: "are unhealthy",
    query: "state:connected health:bad",
  },
} as const satisfies Record<
  Trouble,
  Pick<Need, "kind" | "severity"> & { one: string; many: string; query: string }
>;

function needOf(agent: Troubled, now: number): Need {
  const { kind, severity, one } = TROUBLES[agent.trouble];
  const why =
    agent.trouble === "unhealthy" && (agent.health_status ?? "") !== "" ? `: ${agent.health_status}` : "";
  const since = new Date(agentState(agent, now).since).toISOString();
  return { kind, severity, title: `${agent.name} ${one}${why}`, since, resource: "agent", id: agent.id };
}

function needOfRollout(rollout: Awaited<ReturnType<typeof listHaltedRollouts>>[number]): Need[] {
  const { id, name, version, state, asks, reason } = rollout;
  const what = `${name} v${version}`;
  const why = reason === null ? "" : `: ${reason}`;
  const at = { since: timestamp(rollout.state_since), resource: "rollout", id } as const;
  if (state === "paused")
    return [
      { ...at, kind: "rollout_paused", severity: "bad", title: `The rollout of ${what} is paused${why}` },
    ];
  if (state === "rolled_back")
    return [
      {
        ...at,
        kind: "rollout_rolled_back",
        severity: "attention",
        title: `The rollout of ${what} was taken back${why}`,
      },
    ];
  if (asks === null) return [];
  return [
    {
      ...at,
      kind: "rollout_approval",
      severity: "attention",
      title: `The rollout of ${what} waits for approval of wave ${asks.wave}`,
      since: asks.since === null ? at.since : timestamp(new Date(asks.since)),
    },
  ];
}

/** `since` is when the last of them got into it: how fresh the trouble is. */
function needOfMany({ trouble, count, latest }: { trouble: Trouble; count: number; latest: Date }): Need {
  const { kind, severity, many, query } = TROUBLES[trouble];
  const title = `${count.toLocaleString("en")} agents ${many}`;
  return { kind, severity, title, since: timestamp(latest), resource: "agents", id: query };
}

function sentence(
  agents: readonly { state: string; count: number }[],
  needs: number,
  active: number,
): string {
  const count = (state: string) => agents.find((row) => row.state === state)?.count ?? 0;
  const all = agents.reduce((sum, row) => sum + row.count, 0) - count("expected") - count("revoked");
  if (all === 0) return "No agent yet. Add one to see it here.";
  const connected = count("connected");
  const fleet =
    connected === all
      ? `${plural(all, "agent")} connected`
      : `${connected} of ${plural(all, "agent")} connected`;
  const need =
    needs === 0 ? "nothing needs you" : `${plural(needs, "thing")} ${needs === 1 ? "needs" : "need"} you`;
  return `${fleet}, ${plural(active, "run")} active, ${need}.`;
}
