/** The mock's rollouts: a small engine that lets their agents move on, so that pages are seen filling. */
import {
  ROLLOUT_AGENT_STATES,
  RolloutPlan,
  type AgentDetail,
  type Rollout,
  type RolloutAgent,
  type RolloutAgentState,
  type RolloutCounts,
  type RolloutReason,
} from "@flowplane/contract";
import { SITES } from "./agents.ts";
import { ADA } from "./people.ts";
import { idAt, iso, pick, seeded } from "./random.ts";

type Core = Omit<Rollout, "counts" | "waves" | "agents" | "wave" | "sentence" | "waiting">;
export interface MockRollout {
  core: Core;
  agents: RolloutAgent[];
  /** Waves that may begin without somebody's word, from 0. */
  approved: number;
  readonly failureShare: number;
  waveTimes: { started_at: string | null; ended_at: string | null }[];
}

const HOUR = 3_600_000;
const UNDER_WAY: readonly RolloutAgentState[] = ["offered", "applying", "soaking"];
const WORDS: readonly { code: RolloutReason; text: string }[] = [
  {
    code: "rejected",
    text: `error decoding 'exporters': unknown type: "kafka" for id: "kafka/audit" (valid values: [debug otlp otlphttp])`,
  },
  { code: "rejected", text: "listen tcp 0.0.0.0:4317: bind: address already in use" },
  { code: "crashed", text: "Agent process PID=4711 exited unexpectedly, exit code=1. Will restart in a bit" },
  { code: "errors_rose", text: "38.2 % of items failed or were refused; 0.4 % is usual for this agent." },
  { code: "no_verdict", text: "It said nothing of its new configuration within 5 m 00 s." },
];

const PLANS = {
  usual: RolloutPlan.parse({}),
  careful: RolloutPlan.parse({ approval: true, soak_seconds: 600 }),
  windowed: RolloutPlan.parse({
    waves: [{ count: 2 }, { percent: 25 }, { percent: 100 }],
    gate: { on_failure: "pause", min_pass_percent: 95, max_failures: 2 },
    window: { time_zone: "Europe/Berlin", days: ["mon", "tue", "wed", "thu"], from: "22:00", until: "05:00" },
  }),
};

/** Which rollouts a world of this size has; the first are chosen so that each state is there. */
export function makeRollouts(world: "empty" | "small" | "large", fleet: readonly AgentDetail[], now: number) {
  if (world === "empty") return [];
  const made = [
    make(0, "running", world === "large" ? 25_000 : 64, 2, fleet, now, { failureShare: 0.004 }),
    make(1, "paused", 48, 1, fleet, now, { failureShare: 0.3, plan: PLANS.windowed }),
    make(2, "running", 40, 1, fleet, now, { plan: PLANS.careful, failureShare: 0 }),
    make(3, "queued", 12, 0, fleet, now, {}),
    make(4, "rolled_back", 30, 2, fleet, now, { failureShare: 0.2 }),
    make(5, "completed", 48, 4, fleet, now, { split: { baseline_version: 6, percent: 50 } }),
    make(6, "aborted", 22, 1, fleet, now, {}),
    make(7, "rolling_back", 36, 2, fleet, now, { failureShare: 0.2 }),
  ];
  const more = world === "large" ? 240 : 0;
  return [
    ...made,
    ...Array.from({ length: more }, (_, index) => make(8 + index, "completed", 60, 4, fleet, now, {})),
  ];
}

interface Options {
  readonly plan?: RolloutPlan;
  readonly failureShare?: number;
  readonly split?: Rollout["split"];
}

export function make(
  index: number,
  state: Rollout["state"],
  count: number,
  wavesDone: number,
  fleet: readonly AgentDetail[],
  now: number,
  { plan = PLANS.usual, failureShare = 0.01, split = null }: Options,
): MockRollout {
  const random = seeded(index + 31);
  const createdAt = now - (index * 9 + 1.4) * HOUR;
  const id = idAt(createdAt, 7_000 + index);
  const ends = boundaries(plan, count);
  const hasEnded = state === "completed" || state === "rolled_back" || state === "aborted";
  const agents = Array.from({ length: count }, (_, at): RolloutAgent => {
    const agent = fleet[at % Math.max(1, fleet.length)];
    const wave = ends.findIndex((end) => at < end);
    const skipped = at % 41 === 40;
    return {
      agent_id: agent !== undefined && at < fleet.length ? agent.id : idAt(createdAt, at),
      name: at < fleet.length ? (agent?.name ?? "") : `otel-edge-${String(at + 1).padStart(3, "0")}`,
      site_id: agent?.site_id ?? pick(random, SITES).id,
      wave,
      variant: split !== null && at % 2 === 1 ? "baseline" : "version",
      state: skipped ? "skipped" : wave < wavesDone && state !== "queued" ? "passed" : "waiting",
      state_since: iso(createdAt + wave * 600_000),
      reason_code: skipped ? "lacks_components" : null,
      reason: skipped ? "It is built without kafka (exporter)." : null,
      waiting: null,
      from: { configuration_id: "configuration-1", version: 6 },
      attempts: wave < wavesDone ? 1 : 0,
    };
  });
  const rollout: MockRollout = {
    core: {
      id,
      kind: "configuration",
      configuration_id: "configuration-1",
      configuration_name: index % 3 === 2 ? "gateway-tier" : "edge",
      version: 7,
      split,
      selector: count > 1_000 ? 'kind == "collector"' : 'kind == "collector" && labels.env == "prod"',
      plan,
      message:
        ["Sample checkout traces at 10 %", "Kafka for audit logs", "Tail sampling in the gateways"][
          index % 3
        ] ?? "",
      state,
      state_since: iso(hasEnded ? createdAt + 3 * HOUR : now - 240_000),
      reason: REASONS[state] ?? null,
      created_by: ADA,
      created_at: iso(createdAt),
      started_at: state === "queued" ? null : iso(createdAt + 2_000),
      ended_at: hasEnded ? iso(createdAt + 3 * HOUR) : null,
    },
    agents,
    approved: plan.approval ? wavesDone : ends.length,
    failureShare,
    waveTimes: ends.map((_, wave) => ({
      started_at:
        wave < wavesDone || (wave === wavesDone && !hasEnded && state !== "queued")
          ? iso(createdAt + wave * 1_200_000)
          : null,
      ended_at: wave < wavesDone ? iso(createdAt + (wave + 1) * 1_200_000) : null,
    })),
  };
  if (state === "paused" || state === "rolled_back" || state === "rolling_back")
    spoil(rollout, wavesDone, random);
  return rollout;
}

const REASONS: Partial<Record<Rollout["state"], string>> = {
  paused: 'Wave 2: 13 agents failed, 2 are allowed. The first said: unknown type: "kafka".',
  rolled_back: "Wave 2: 4 agents failed, none is allowed.",
  rolling_back: "Ada Lovelace: Error rate in checkout doubled",
  aborted: "Ada Lovelace: Superseded by version 8",
};

/** Ends of the waves, as indexes into the agents. */
function boundaries(plan: RolloutPlan, count: number): number[] {
  let taken = 0;
  const ends = plan.waves.map((wave) => {
    taken = Math.min(
      count,
      "count" in wave ? taken + wave.count : Math.max(taken, Math.ceil((wave.percent / 100) * count)),
    );
    return taken;
  });
  ends[ends.length - 1] = count;
  return ends;
}

/** A wave that went wrong, as the fleet stands after it. */
function spoil(rollout: MockRollout, wave: number, random: () => number): void {
  rollout.agents = rollout.agents.map((agent) => {
    if (agent.state === "skipped" || agent.wave > wave) return agent;
    const fails = agent.wave === wave && random() < rollout.failureShare * 1.6;
    if (fails) return failed(agent, random);
    if (rollout.core.state === "rolled_back") return { ...agent, state: "reverted" };
    if (rollout.core.state === "rolling_back")
      return { ...agent, state: random() < 0.5 ? "reverting" : "reverted" };
    return { ...agent, state: random() < 0.06 ? "unreachable" : "passed", attempts: 1 };
  });
}

function failed(agent: RolloutAgent, random: () => number): RolloutAgent {
  const { code, text } = pick(random, WORDS);
  return {
    ...agent,
    state: "failed",
    reason_code: code,
    reason: text,
    attempts: 1 + Math.floor(random() * 3),
    waiting: null,
  };
}

/** One step of everything that is under way; answers the ids of what changed. */
export function advance(rollouts: readonly MockRollout[], now: number, random: () => number): string[] {
  return rollouts.flatMap((rollout) => {
    if (rollout.core.state !== "running") return [];
    const wave = currentWave(rollout);
    if (wave === null || wave >= rollout.approved + 1) return [];
    let free = Math.max(4, Math.ceil(rollout.agents.length / 60));
    let changed = false;
    rollout.agents.forEach((agent, index) => {
      if (agent.wave !== wave) return;
      const next = nextOf(agent, rollout, now, random, () => (free -= 1) >= 0);
      changed ||= next !== agent;
      rollout.agents[index] = next;
    });
    const times = rollout.waveTimes[wave];
    if (times !== undefined && times.started_at === null) times.started_at = iso(now);
    if (!changed && times !== undefined) times.ended_at ??= iso(now);
    if (currentWave(rollout) === null)
      rollout.core = { ...rollout.core, state: "completed", state_since: iso(now), ended_at: iso(now) };
    return changed ? [rollout.core.id] : [];
  });
}

function nextOf(
  agent: RolloutAgent,
  rollout: MockRollout,
  now: number,
  random: () => number,
  mayBegin: () => boolean,
): RolloutAgent {
  const move = (state: RolloutAgentState, what: string | null): RolloutAgent => ({
    ...agent,
    state,
    state_since: iso(now),
    attempts: Math.max(1, agent.attempts),
    waiting: what === null ? null : { for: what, since: iso(now), deadline: iso(now + 300_000) },
  });
  if (agent.state === "waiting" && mayBegin())
    return random() < 0.02
      ? move("unreachable", "the agent to come back")
      : move("offered", "the agent to say that it got it");
  if (!UNDER_WAY.includes(agent.state) || random() < 0.4) return agent;
  if (agent.state === "offered") return move("applying", "the agent to say that it runs it");
  if (agent.state === "applying")
    return random() < rollout.failureShare
      ? failed(move("failed", null), random)
      : move("soaking", "60 s without a fault");
  return move("passed", null);
}

function currentWave({ agents, core }: MockRollout): number | null {
  const open = agents.find(({ state }) => state === "waiting" || UNDER_WAY.includes(state));
  return open === undefined || core.ended_at !== null ? null : open.wave;
}

export function countsOf(agents: readonly RolloutAgent[]): RolloutCounts {
  const counts = Object.fromEntries(ROLLOUT_AGENT_STATES.map((state) => [state, 0])) as RolloutCounts;
  for (const { state } of agents) counts[state] += 1;
  return counts;
}

/** The rollout as the API answers it. */
export function printed(rollout: MockRollout): Rollout {
  const { core, agents } = rollout;
  const counts = countsOf(agents);
  const current = core.state === "queued" ? null : currentWave(rollout);
  const needsWord = core.state === "running" && current !== null && current > rollout.approved;
  const approval = {
    for: `approval of wave ${(current ?? 0) + 1}`,
    since: core.state_since,
    deadline: null,
  };
  const waves = rollout.waveTimes.map((times, index): Rollout["waves"][number] => {
    const mine = agents.filter(({ wave }) => wave === index);
    const mineCounts = countsOf(mine);
    const isOpen = mineCounts.waiting + mineCounts.offered + mineCounts.applying + mineCounts.soaking > 0;
    const spoilt = mineCounts.failed > 0 && core.state !== "running" && core.state !== "completed";
    return {
      index,
      state: spoilt ? "failed" : !isOpen ? "passed" : index === current && !needsWord ? "running" : "waiting",
      agents: mine.length,
      counts: mineCounts,
      waiting:
        index === current && core.state === "running"
          ? needsWord
            ? approval
            : {
                for: "the verdicts of its agents",
                since: times.started_at ?? core.state_since,
                deadline: null,
              }
          : null,
      ...times,
    };
  });
  return {
    ...core,
    counts,
    agents: agents.length,
    wave: current,
    waves,
    waiting:
      core.state === "queued"
        ? {
            for: "the rollout of edge v7 to end; it has 12 of these agents",
            since: core.created_at,
            deadline: null,
          }
        : core.state === "paused"
          ? { for: "somebody to resume it or roll it back", since: core.state_since, deadline: null }
          : needsWord
            ? approval
            : null,
    sentence: sentenceOf(core, counts, agents.length, current, needsWord),
  };
}

function sentenceOf(
  core: Core,
  counts: RolloutCounts,
  agents: number,
  wave: number | null,
  needsWord: boolean,
): string {
  const passed = `${counts.passed} of ${agents} agents have passed`;
  switch (core.state) {
    case "queued":
      return "Waits for another rollout that has 12 of its agents.";
    case "running":
      return needsWord
        ? `Wave ${wave ?? 0} passed; wave ${(wave ?? 0) + 1} waits for somebody's approval. ${passed}.`
        : `Wave ${(wave ?? 0) + 1} is under way: ${passed}, ${counts.failed === 0 ? "none" : counts.failed} failed.`;
    case "paused":
      return `Paused in wave ${(wave ?? 0) + 1}: ${counts.failed} agents failed, 2 are allowed. ${passed}; nobody else is offered it.`;
    case "rolling_back":
      return `Going back: ${counts.reverted} of ${counts.reverted + counts.reverting} agents have what they had before.`;
    case "completed":
      return `Completed: ${passed}${counts.unreachable > 0 ? `, ${counts.unreachable} get it when they come back` : ""}.`;
    case "rolled_back":
      return `Rolled back: every agent that got it has what it had before.`;
    case "aborted":
      return `Aborted in wave ${(wave ?? 1) + 1}: ${passed} and keep it.`;
  }
}
