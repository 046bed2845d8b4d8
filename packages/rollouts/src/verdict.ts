import type { AgentState, Flight, Plan, ReasonCode } from "./types.ts";

/** What became of one agent. `since` is when its new state began, where that is not the moment of judging. */
export interface Verdict {
  readonly agentId: string;
  readonly wave: number;
  readonly from: AgentState;
  readonly state: AgentState;
  readonly since: number;
  readonly reasonCode: ReasonCode | null;
  readonly reason: string | null;
  readonly unwellSince: number | null;
  readonly unwellTimes: number;
}

/** An agent that was well may be unwell for so long while it soaks: one report during a restart is no verdict. */
export const UNWELL_GRACE_MS = 10_000;
/** One that falls over, is started again and falls over again does not get better by waiting: a supervisor starts it every few seconds. */
export const UNWELL_TIMES_MAX = 2;
/** Below this an agent's throughput says nothing: half of nearly nothing is nothing. */
export const BASELINE_ITEMS_PER_SECOND_MIN = 1;

/**
 * Judges one agent that is in flight; null when there is nothing new. Four things speak: what the agent says of the content it was
 * given, how it is since then, what it counts of its own work, and, at last, its silence. Only what it said after it was given the
 * content counts: a health from before is of the old one, and one from the moment it was given it may be the restart.
 */
export function judgeAgent(flight: Flight, plan: Plan, now: number): Verdict | null {
  const { delivery } = flight;
  if (delivery === null || delivery.offerHash !== flight.offerHash)
    return verdict(flight, now, "skipped", "superseded", "It was assigned something else meanwhile.");
  if (flight.state === "reverting") return judgeReverting(flight, plan, now);
  switch (delivery.status) {
    case "failed":
      return verdict(
        flight,
        now,
        "failed",
        "rejected",
        delivery.errorMessage === "" ? "It refused it and did not say why." : delivery.errorMessage,
      );
    case "rolled_itself_back":
      return verdict(
        flight,
        now,
        "failed",
        "rolled_itself_back",
        delivery.errorMessage === ""
          ? "It went back to what it ran before by itself."
          : delivery.errorMessage,
      );
    case "applied":
      return flight.state === "soaking"
        ? judgeSoaking(flight, delivery, plan, now)
        : verdict(flight, Math.max(delivery.statusAt, flight.assignedAt), "soaking");
    case "applying":
      if (flight.state === "offered") return verdict(flight, now, "applying");
      return now < deadlineOf(flight, plan)
        ? null
        : verdict(
            flight,
            now,
            "failed",
            "no_verdict",
            delivery.reachable
              ? `It began to apply it and has not said how it went for ${plan.verdict_timeout_seconds} s.`
              : "It went away while it applied it and has not come back.",
          );
    case "waiting":
      if (!delivery.reachable) return verdict(flight, now, "unreachable");
      return now < deadlineOf(flight, plan)
        ? null
        : verdict(
            flight,
            now,
            "failed",
            "not_delivered",
            delivery.errorMessage === ""
              ? `It was not sent to it for ${plan.verdict_timeout_seconds} s, although it is connected.`
              : delivery.errorMessage,
          );
    case "offered":
      return now < deadlineOf(flight, plan)
        ? null
        : verdict(
            flight,
            now,
            "failed",
            "no_verdict",
            delivery.reachable
              ? `It was sent to it and has said nothing of it for ${plan.verdict_timeout_seconds} s.`
              : "It went away after it was sent to it and has not come back.",
          );
  }
}

/**
 * When an agent that says nothing more gets a verdict all the same. The time runs from when it was sent the content; one that
 * connects again and again, and is sent it each time, gains no more than one such time by it. It does not run while nobody could have
 * heard the agent: what it said then it says again, and gets the whole time for that.
 */
export function deadlineOf(flight: Flight, plan: Plan): number {
  const timeout = plan.verdict_timeout_seconds * 1_000;
  return Math.max(silentSince(flight, plan, timeout), flight.heardSince) + timeout;
}

function silentSince(flight: Flight, plan: Plan, timeout: number): number {
  if (flight.state === "soaking") return appliedAt(flight) + plan.soak_seconds * 1_000;
  const sent = flight.state === "offered" ? (flight.delivery?.offeredAt ?? 0) : 0;
  return Math.min(Math.max(flight.stateSince, sent), flight.stateSince + timeout);
}

function appliedAt(flight: Flight): number {
  return Math.max(flight.delivery?.statusAt ?? 0, flight.assignedAt);
}

function judgeSoaking(
  flight: Flight,
  delivery: NonNullable<Flight["delivery"]>,
  plan: Plan,
  now: number,
): Verdict | null {
  const isOver = now >= deadlineOf(flight, plan);
  if (!delivery.reachable)
    return isOver
      ? verdict(
          flight,
          now,
          "failed",
          "crashed",
          "It went away after it had applied it and has not come back.",
        )
      : null;
  const health = healthSince(flight, delivery);
  if (health === "bad" || health === "doubtful") {
    const isNew = flight.unwellSince === null;
    const unwellSince = flight.unwellSince ?? now;
    const unwellTimes = flight.unwellTimes + (isNew && health === "bad" ? 1 : 0);
    const isLong = health === "bad" && now - unwellSince >= UNWELL_GRACE_MS;
    if (isOver || isLong || unwellTimes >= UNWELL_TIMES_MAX)
      return unwell(flight, delivery.healthStatus, now);
    return isNew || unwellTimes > flight.unwellTimes ? keep(flight, now, { unwellSince, unwellTimes }) : null;
  }
  // It is well again: from here it must stay so.
  if (flight.unwellSince !== null)
    return isOver
      ? unwell(flight, "It is well and unwell by turns since it applied it.", now)
      : keep(flight, now, { unwellSince: null, unwellTimes: flight.unwellTimes });
  if (now - flight.stateSince < plan.soak_seconds * 1_000) return null;
  return judgeRates(flight, plan, now) ?? verdict(flight, now, "passed");
}

/**
 * `doubtful`: unwell since it was given the content, and it has said nothing since it applied it; that may be the restart, as it may
 * be the echo of other settings. It is waited for, and fails at its deadline.
 */
function healthSince(
  flight: Flight,
  delivery: NonNullable<Flight["delivery"]>,
): "good" | "bad" | "doubtful" | "unsaid" {
  const given = Math.max(delivery.offeredAt ?? flight.assignedAt, flight.assignedAt);
  // One that was not well before got no worse.
  if (flight.baseline?.healthy === false && delivery.healthy !== true) return "unsaid";
  if (delivery.healthy === null || delivery.healthAt === null || delivery.healthAt < given) return "unsaid";
  if (delivery.healthy) return "good";
  return delivery.healthAt > appliedAt(flight) && delivery.isHealthEcho !== true ? "bad" : "doubtful";
}

/** A program that fell over is said so where its supervisor says so; it may be well for a moment between two falls. */
function unwell(flight: Flight, status: string | null, now: number): Verdict {
  const reason = status === null || status === "" ? "It says that it is not healthy, and not why." : status;
  return verdict(flight, now, "failed", FALLEN.test(reason) ? "crashed" : "unhealthy", reason);
}

const FALLEN = /exited unexpectedly|exit code|crash|panic|segmentation/i;

function judgeRates(flight: Flight, plan: Plan, now: number): Verdict | null {
  const before = flight.baseline?.rates ?? null;
  const { rates } = flight;
  if (plan.telemetry === null || before === null || rates === null) return null;
  const risen = rates.errorPercent - before.errorPercent;
  if (risen > plan.telemetry.max_error_percent)
    return verdict(
      flight,
      now,
      "failed",
      "errors_rose",
      `${percent(rates.errorPercent)} of its items fail, ${percent(before.errorPercent)} did before.`,
    );
  if (before.acceptedPerSecond < BASELINE_ITEMS_PER_SECOND_MIN) return null;
  const fallen = 100 - (100 * rates.acceptedPerSecond) / before.acceptedPerSecond;
  if (fallen > plan.telemetry.max_drop_percent)
    return verdict(
      flight,
      now,
      "failed",
      "throughput_fell",
      `It takes ${rates.acceptedPerSecond.toFixed(1)} items a second, ${before.acceptedPerSecond.toFixed(1)} before.`,
    );
  return null;
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}

function judgeReverting(flight: Flight, plan: Plan, now: number): Verdict | null {
  const { delivery } = flight;
  if (delivery === null) return null;
  // What it had before is not judged again; that it runs it is enough.
  if (delivery.status === "applied") return verdict(flight, now, "reverted");
  if (delivery.status === "waiting" && !delivery.reachable)
    return verdict(
      flight,
      now,
      "reverted",
      null,
      "It is away; it gets what it had before when it comes back.",
    );
  const isRefused = delivery.status === "failed" || delivery.status === "rolled_itself_back";
  if (!isRefused && now < deadlineOf(flight, plan)) return null;
  return verdict(
    flight,
    now,
    "failed",
    isRefused ? "rejected" : "no_verdict",
    isRefused
      ? `It refused what it had before: ${delivery.errorMessage === "" ? "it did not say why" : delivery.errorMessage}`
      : `It was given what it had before and has not said that it runs it for ${plan.verdict_timeout_seconds} s.`,
  );
}

function verdict(
  flight: Flight,
  since: number,
  state: AgentState,
  reasonCode: ReasonCode | null = null,
  reason: string | null = null,
): Verdict {
  return {
    agentId: flight.agentId,
    wave: flight.wave,
    from: flight.state,
    state,
    since,
    reasonCode,
    reason,
    unwellSince: null,
    unwellTimes: 0,
  };
}

/** The same state from now on. */
function keep(flight: Flight, now: number, unwell: Pick<Verdict, "unwellSince" | "unwellTimes">): Verdict {
  return { ...verdict(flight, now, flight.state), ...unwell };
}
