import type { Verdict } from "@flowplane/rollouts";
import type { Tx } from "../../platform/context.ts";
import { BASELINE_MS, REASON_CHARS_MAX } from "./limits.ts";
import type { Composed, Ports, Target } from "./ports.ts";
import {
  setGivenBack,
  setOffered,
  setStates,
  writeVerdicts,
  type Given,
  type RevertRow,
  type WaitingRow,
} from "./agents-store.ts";
import { readAssigned, type Assigned } from "./assigned-store.ts";
import { readPresence } from "./presence-store.ts";
import { type ShownRolloutRow } from "./store.ts";
import type { Tally } from "./tally.ts";

/**
 * Gives agents whose turn it is the version. One that cannot be reached is only noted as such, so that it is not changed outside of
 * the waves when it comes back; it gets its turn then. Those are given back.
 */
export async function assignAgents(
  ctx: Tx,
  ports: Ports,
  row: ShownRolloutRow,
  agents: readonly WaitingRow[],
  tally: Tally,
): Promise<WaitingRow[]> {
  const now = new Date(ctx.now());
  const presence = await readPresence(
    ctx.db,
    agents.map(({ agent_id }) => agent_id),
    ctx.now(),
  );
  const isHere = ({ agent_id }: WaitingRow) => presence.get(agent_id)?.isReachable === true;
  const away = agents.filter((agent) => !isHere(agent));
  await setStates(
    ctx.db,
    row.id,
    away.map(({ agent_id }) => agent_id),
    "unreachable",
    now,
  );
  for (const { wave } of away) tally.move(wave, "waiting", "unreachable");
  await assign(ctx, ports, row, agents.filter(isHere), { from: "waiting", to: "offered" }, tally, presence);
  return away;
}

/** At the end of a rollout: agents that are away are assigned the version and get it when they come back. */
export async function giveToAway(
  ctx: Tx,
  ports: Ports,
  row: ShownRolloutRow,
  agents: readonly WaitingRow[],
  tally: Tally,
): Promise<void> {
  await assign(ctx, ports, row, agents, { from: "unreachable", to: "unreachable" }, tally, new Map());
}

async function assign(
  ctx: Tx,
  { delivery, telemetry }: Ports,
  row: ShownRolloutRow,
  agents: readonly WaitingRow[],
  { from, to }: { from: "waiting" | "unreachable"; to: "offered" | "unreachable" },
  tally: Tally,
  presence: ReadonlyMap<string, { healthy: boolean | null }>,
): Promise<void> {
  if (agents.length === 0) return;
  const now = new Date(ctx.now());
  const ids = agents.map(({ agent_id }) => agent_id);
  const assigned = await readAssigned(ctx.db, ids);
  const rates =
    telemetry === undefined || row.plan.telemetry === null
      ? new Map()
      : await telemetry.readRates(ctx, ids, { from: new Date(ctx.now() - BASELINE_MS), to: now });
  const given: Given[] = [];
  const refused: Verdict[] = [];
  for (const [variant, version] of [
    ["version", row.version],
    ["baseline", row.split?.baseline_version ?? row.version],
  ] as const) {
    const those = agents.filter((agent) => agent.variant === variant);
    if (those.length === 0) continue;
    const target = { configuration_id: row.configuration_id, version };
    const composed = await delivery.composeFor(
      ctx,
      target,
      those.map(({ agent_id }) => agent_id),
    );
    const takers = [];
    for (const agent of those) {
      const { agent_id } = agent;
      const one = composed.get(agent_id);
      if (one?.ok !== true) {
        refused.push(refusal(agent, one, from, now.getTime()));
        continue;
      }
      const measured = rates.get(agent_id);
      takers.push({ agent, hash: one.hash });
      given.push({
        agent_id,
        offer_hash: one.hash,
        from: targetOf(assigned.get(agent_id)),
        baseline: {
          healthy: presence.get(agent_id)?.healthy ?? null,
          rates:
            measured === undefined
              ? null
              : {
                  accepted_per_second: measured.acceptedPerSecond,
                  error_percent: measured.errorPercent,
                },
        },
      });
    }
    await delivery.assign(
      ctx,
      takers.map(({ agent, hash }) => ({
        agent_id: agent.agent_id,
        target,
        rollout_id: row.id,
        offer_hash: hash,
        retry: agent.attempts > 0,
      })),
    );
  }
  await setOffered(ctx.db, row.id, given, to, now);
  await writeVerdicts(ctx.db, row.id, refused, REASON_CHARS_MAX);
  const isRefused = new Map(refused.map((verdict) => [verdict.agentId, verdict.state]));
  for (const { agent_id, wave } of agents) tally.move(wave, from, isRefused.get(agent_id) ?? to);
}

function targetOf(assigned: Assigned | undefined): Target | null {
  return assigned?.configuration_id == null || assigned.version === null
    ? null
    : { configuration_id: assigned.configuration_id, version: assigned.version };
}

/** What cannot be composed for an agent: what it lacks is no failure of the version; a secret that is missing is. */
function refusal(
  { agent_id, wave }: WaitingRow,
  composed: Composed | undefined,
  from: "waiting" | "unreachable",
  now: number,
): Verdict {
  const code = composed?.ok === false ? composed.reason_code : "not_delivered";
  const isSkipped = code === "not_configurable" || code === "lacks_components" || from === "unreachable";
  return {
    agentId: agent_id,
    wave,
    from,
    state: isSkipped ? "skipped" : "failed",
    since: now,
    reasonCode: code as Verdict["reasonCode"],
    reason: composed?.ok === false ? composed.reason : "It is gone.",
    unwellSince: null,
    unwellTimes: 0,
  };
}

/** Gives agents back what each had before: another version, or nothing of ours. */
export async function giveBack(
  ctx: Tx,
  { delivery }: Ports,
  row: ShownRolloutRow,
  agents: readonly RevertRow[],
  tally: Tally,
): Promise<void> {
  const now = new Date(ctx.now());
  const ids = agents.map(({ agent_id }) => agent_id);
  const [assigned, presence] = [await readAssigned(ctx.db, ids), await readPresence(ctx.db, ids, ctx.now())];
  const back: Parameters<typeof setGivenBack>[2][number][] = [];
  const groups = Map.groupBy(agents, (agent) => `${agent.from_configuration_id}/${agent.from_version}`);
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const target =
      first.from_configuration_id === null || first.from_version === null
        ? null
        : { configuration_id: first.from_configuration_id, version: first.from_version };
    const ours = group.filter(({ agent_id }) => assigned.get(agent_id)?.rollout_id === row.id);
    const composed = await delivery.composeFor(
      ctx,
      target,
      ours.map(({ agent_id }) => agent_id),
    );
    const assignments = [];
    for (const { agent_id } of group) {
      const one = composed.get(agent_id);
      if (assigned.get(agent_id)?.rollout_id !== row.id)
        back.push({
          agent_id,
          offer_hash: null,
          state: "skipped",
          reason_code: "superseded",
          reason: "It was assigned something else after this rollout.",
        });
      else if (one?.ok !== true)
        back.push({
          agent_id,
          offer_hash: null,
          state: "failed",
          reason_code: "not_delivered",
          reason: `What it had before cannot be sent: ${one?.ok === false ? one.reason : "it is gone"}`,
        });
      else {
        assignments.push({ agent_id, target, rollout_id: row.id, offer_hash: one.hash, retry: false });
        const isHere = presence.get(agent_id)?.isReachable === true;
        back.push({
          agent_id,
          offer_hash: one.hash,
          state: isHere ? "reverting" : "reverted",
          reason_code: null,
          reason: null,
        });
      }
    }
    await delivery.assign(ctx, assignments);
  }
  await setGivenBack(ctx.db, row.id, back, now);
  const states = new Map(back.map(({ agent_id, state }) => [agent_id, state]));
  for (const { agent_id, wave, state } of agents) tally.move(wave, state, states.get(agent_id) ?? state);
}
