import {
  IN_FLIGHT,
  inFlightOf,
  stepRollout,
  type Flight,
  type Step,
  type Verdict,
  type Wave,
} from "@flowplane/rollouts";
import { notify, type Tx } from "../../platform/context.ts";
import { record } from "../audit/audit.ts";
import { assignAgents, giveBack, giveToAway } from "./give.ts";
import { BATCH_AGENTS_MAX, REASON_CHARS_MAX } from "./limits.ts";
import type { Look } from "./looks.ts";
import type { Ports } from "./ports.ts";
import { Tally } from "./tally.ts";
import { withdrawFromAway } from "./withdraw.ts";
import {
  countStates,
  listFlights,
  listToRevert,
  listWaiting,
  setStates,
  writeVerdicts,
  type FlightRow,
} from "./agents-store.ts";
import { findBefore } from "./overlaps-store.ts";
import { listAway, listReturned } from "./presence-store.ts";
import {
  changeWave,
  listWaves,
  lockFreeRollout,
  updateRollout,
  type ShownRolloutRow,
  type WaveRow,
} from "./store.ts";

/** Whether a rollout can go on at once, and whether its look for returned agents was cut short. */
export interface Advanced {
  readonly isMore: boolean;
  readonly areMoreBack: boolean;
}

const DONE: Advanced = { isMore: false, areMoreBack: false };

/**
 * Takes a rollout one step further in one transaction: what was written before is the whole memory, so whoever is killed, and
 * wherever, the next step goes on. `returned` says where agents that came back are looked for, if at all; `heardSince`, since when
 * their silence counts.
 */
export async function advanceRollout(
  ctx: Tx,
  ports: Ports,
  id: string,
  { returned, heardSince }: { returned: Look | null; heardSince: number },
): Promise<Advanced> {
  const row = await lockFreeRollout(ctx.db, id);
  if (row === undefined || row.ended_at !== null) return DONE;
  const now = new Date(ctx.now());
  if (row.state === "queued") return { ...DONE, isMore: await begin(ctx, row, now) };
  const tally = new Tally(await listWaves(ctx.db, [row.id]));
  const back = returned === null ? 0 : await welcomeReturned(ctx, row, tally, returned, now);
  const areMoreBack = back === BATCH_AGENTS_MAX;
  const flights = await readFlights(ctx, ports, row, heardSince);
  if (flights.length !== inFlightOf(tally.sum())) await isMiscounted(ctx, row, tally);
  const step = stepRollout(
    {
      state: row.state,
      stateSince: row.state_since.getTime(),
      wave: row.wave,
      approvedWave: row.approved_wave,
      acceptedFailures: row.accepted_failures,
      plan: row.plan,
    },
    tally.waves.map(waveOf),
    flights,
    {
      toRevert:
        row.state === "rolling_back" ? (await listToRevert(ctx.db, row.id, BATCH_AGENTS_MAX)).length : 0,
      now: now.getTime(),
    },
  );
  await writeVerdicts(ctx.db, row.id, step.verdicts, REASON_CHARS_MAX);
  for (const { wave, from, state } of step.verdicts) tally.move(wave, from, state);
  await withdrawFromAway(ctx, ports, row, step.verdicts);
  if (step.change?.state === "completed") {
    // Those that are away get it when they come back: from here it is for the gateway to bring it.
    const away = await listAway(ctx.db, row.id, BATCH_AGENTS_MAX);
    if (away.length > 0) {
      await giveToAway(ctx, ports, row, away, tally);
      await tally.write(ctx.db, row.id);
      return { isMore: true, areMoreBack };
    }
    if (await isMiscounted(ctx, row, tally)) return { isMore: true, areMoreBack };
  }
  for (const change of step.waves) await changeWave(ctx.db, row.id, change, now);
  const isMoved = await give(ctx, ports, row, step, tally);
  await tally.write(ctx.db, row.id);
  if (step.change !== null) await changeState(ctx, row, step, tally, now);
  else if (step.wave !== row.wave) await updateRollout(ctx.db, row.id, { wave: step.wave });
  if (step.verdicts.some(isNews) || step.waves.length > 0 || step.change !== null || isMoved || back > 0)
    notify(ctx, { topic: "rollout", id: row.id });
  return { isMore: isMoved || step.waves.length > 0 || step.change !== null, areMoreBack };
}

function isNews({ from, state }: Verdict): boolean {
  return from !== state;
}

/** One that was queued begins when no rollout before it has some of its agents any more. */
async function begin(ctx: Tx, row: ShownRolloutRow, now: Date): Promise<boolean> {
  if ((await findBefore(ctx.db, row.id)) !== undefined) return false;
  await updateRollout(ctx.db, row.id, { state: "running", state_since: now, started_at: now });
  record(ctx, { action: "rollout.begin", target_type: "rollout", target_id: row.id });
  notify(ctx, { topic: "rollout", id: row.id });
  return true;
}

/**
 * Agents that came back: those that were given nothing wait for their turn, if there is still one; the others are under
 * way. Returns how many came back: `BATCH_AGENTS_MAX` when there may be more.
 */
export async function welcomeReturned(
  ctx: Tx,
  row: ShownRolloutRow,
  tally: Tally,
  look: Look,
  now: Date,
): Promise<number> {
  const returned = await listReturned(ctx.db, row.id, look, {
    now: now.getTime(),
    limit: BATCH_AGENTS_MAX,
    onlyAssigned: row.state !== "running",
  });
  for (const [isAssigned, state] of [
    [false, "waiting"],
    [true, "offered"],
  ] as const) {
    const those = returned.filter(({ is_assigned }) => is_assigned === isAssigned);
    await setStates(
      ctx.db,
      row.id,
      those.map(({ agent_id }) => agent_id),
      state,
      now,
    );
    for (const { wave } of those) tally.move(wave, "unreachable", state);
  }
  return returned.length;
}

export async function readFlights(
  ctx: Tx,
  { delivery, telemetry }: Ports,
  row: ShownRolloutRow,
  heardSince: number,
): Promise<Flight[]> {
  const rows = await listFlights(ctx.db, row.id, IN_FLIGHT);
  if (rows.length === 0) return [];
  const ids = rows.map(({ agent_id }) => agent_id);
  const deliveries = await delivery.readDeliveries(ctx, ids);
  const soak = row.plan.soak_seconds * 1_000;
  // Rates count at the end of the soak, so nobody else's are read.
  const soaked = rows.filter(
    ({ state, state_since }) => state === "soaking" && ctx.now() - state_since.getTime() >= soak,
  );
  const rates =
    telemetry === undefined || row.plan.telemetry === null || soaked.length === 0
      ? new Map()
      : await telemetry.readRates(
          ctx,
          soaked.map(({ agent_id }) => agent_id),
          { from: new Date(ctx.now() - soak), to: new Date(ctx.now()) },
        );
  return rows.map((flight) => {
    const found = deliveries.get(flight.agent_id);
    // What this rollout assigned stays its own when its content changes on the way, by a variable that was set.
    const facts =
      found === undefined || found.rolloutId !== row.id
        ? null
        : { ...found, offerHash: flight.offer_hash ?? "" };
    return { ...flightOf(flight, facts, rates.get(flight.agent_id) ?? null), heardSince };
  });
}

function flightOf(
  row: FlightRow,
  delivery: Flight["delivery"],
  rates: Flight["rates"],
): Omit<Flight, "heardSince"> {
  return {
    agentId: row.agent_id,
    wave: row.wave,
    state: row.state as Flight["state"],
    stateSince: row.state_since.getTime(),
    assignedAt: (row.assigned_at ?? row.state_since).getTime(),
    offerHash: row.offer_hash ?? "",
    unwellSince: row.unwell_since?.getTime() ?? null,
    unwellTimes: row.unwell_times,
    baseline:
      row.baseline === null
        ? null
        : {
            healthy: row.baseline.healthy,
            rates:
              row.baseline.rates === null
                ? null
                : {
                    acceptedPerSecond: row.baseline.rates.accepted_per_second,
                    errorPercent: row.baseline.rates.error_percent,
                  },
          },
    delivery,
    rates,
  };
}

function waveOf({ index, state, counts, started_at }: WaveRow): Wave {
  return { index, state, counts, startedAt: started_at?.getTime() ?? null };
}

/** Gives as many agents as the step allows the version, or what they had; true when somebody was given something. */
async function give(ctx: Tx, ports: Ports, row: ShownRolloutRow, step: Step, tally: Tally): Promise<boolean> {
  if (step.assign > 0) {
    const waiting = await listWaiting(
      ctx.db,
      row.id,
      step.wave ?? 0,
      Math.min(step.assign, BATCH_AGENTS_MAX),
    );
    if (waiting.length === 0) return isMiscounted(ctx, row, tally);
    await assignAgents(ctx, ports, row, waiting, tally);
    return true;
  }
  if (step.revert > 0) {
    const agents = await listToRevert(ctx.db, row.id, Math.min(step.revert, BATCH_AGENTS_MAX));
    await giveBack(ctx, ports, row, agents, tally);
    return agents.length > 0;
  }
  return false;
}

/** Before a count decides an end it is held against the agents: one that was deleted takes its row along, and no count. */
async function isMiscounted(ctx: Tx, row: ShownRolloutRow, tally: Tally): Promise<boolean> {
  if (!tally.correct(await countStates(ctx.db, row.id))) return false;
  await tally.write(ctx.db, row.id);
  return true;
}

async function changeState(
  ctx: Tx,
  row: ShownRolloutRow,
  step: Step,
  tally: Tally,
  now: Date,
): Promise<void> {
  if (step.change === null) return;
  const { state } = step.change;
  const isEnd = state === "completed" || state === "rolled_back";
  // Why it was taken back stays to be read at its end.
  const reason = step.change.reason ?? (state === "rolled_back" ? row.reason : null);
  await updateRollout(ctx.db, row.id, {
    state,
    state_since: now,
    reason,
    wave: step.wave,
    ...(isEnd ? { ended_at: now } : {}),
  });
  record(ctx, {
    action: `rollout.${VERBS[state] ?? state}`,
    target_type: "rollout",
    target_id: row.id,
    reason,
    metadata: {
      configuration: row.configuration_name,
      version: row.version,
      counts: tally.sum(),
    },
  });
}

const VERBS: Readonly<Partial<Record<ShownRolloutRow["state"], string>>> = {
  completed: "complete",
  paused: "pause",
  rolling_back: "roll_back",
  rolled_back: "rolled_back",
};
