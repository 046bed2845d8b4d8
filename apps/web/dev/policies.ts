import {
  PolicyDocument,
  type Policy,
  type PolicyComparison,
  type PolicyVersion,
  type Run,
} from "@flowplane/contract";
import { idAt, iso } from "./random.ts";

const ADA = { type: "user", id: "user-0", name: "Ada Lovelace" } as const;
const DAY = 86_400_000;

/** The versions of the first policy, oldest first: it was watched, then tried on some runs, then enforced. */
const HISTORY = [
  { message: "First look: only watch", document: { mode: "shadow", actions: {} } },
  {
    message: "Try it on a fifth of the runs",
    document: {
      mode: "canary",
      canary_percent: 20,
      actions: { loop: [{ do: "notify" }, { do: "stop" }], retry_storm: [{ do: "freeze" }] },
    },
  },
  {
    message: "Two weeks without a wrong stop",
    document: {
      mode: "enforce",
      benign: ["waiting for lock", "lease renewed"],
      actions: {
        loop: [{ do: "restart", args_add: ["--resume"], delay_ms: 30_000 }, { do: "stop_for_good" }],
        stall: [{ do: "notify" }],
        retry_storm: [{ do: "freeze" }, { do: "stop", grace_ms: 20_000 }],
        runaway: [{ do: "stop" }],
      },
    },
  },
] as const;

export interface PolicyWorld {
  policies: Policy[];
  versions: PolicyVersion[];
  comparisons: PolicyComparison[];
}

export function makePolicies(isEmpty: boolean, now: number): PolicyWorld {
  const first = idAt(now - 40 * DAY, 901);
  const second = idAt(now - 90 * DAY, 902);
  const versions = HISTORY.map((entry, index): PolicyVersion => ({
    policy_id: first,
    version: index + 1,
    document: PolicyDocument.parse(entry.document),
    hash: (index + 11).toString(16).padStart(64, "c4"),
    message: entry.message,
    created_by: ADA,
    created_at: iso(now - (40 - index * 14) * DAY),
  }));
  const watch: PolicyVersion = {
    policy_id: second,
    version: 1,
    document: PolicyDocument.parse({}),
    hash: "ab".repeat(32),
    message: "What every installation begins with",
    created_by: { type: "system", id: "system", name: "Flowplane" },
    created_at: iso(now - 90 * DAY),
  };
  const policy = (
    version: PolicyVersion,
    name: string,
    description: string,
    counts: [number, number],
  ): Policy => ({
    id: version.policy_id,
    name,
    description,
    current_version: version.version,
    current: version.document,
    is_default: version === watch,
    runs_30d: counts[0],
    incidents_30d: counts[1],
    created_by: version.created_by,
    created_at: version.created_at,
    updated_at: version.created_at,
  });
  const latest = versions.at(-1) ?? watch;
  return isEmpty
    ? {
        policies: [policy(watch, "Default", "Watches and tells, touches nothing.", [0, 0])],
        versions: [watch],
        comparisons: [],
      }
    : {
        policies: [
          policy(latest, "Crawlers", "Crawlers are restarted once with --resume, then stopped.", [412, 9]),
          policy(watch, "Default", "Watches and tells, touches nothing.", [5_310, 31]),
        ],
        versions: [...versions, watch],
        comparisons: [],
      };
}

/** What a comparison found, made up from the runs that are there. */
export function compared(runs: readonly Run[]): Pick<PolicyComparison, "runs" | "summary"> {
  const verdicts = [
    "newly_stopped",
    "stopped_earlier",
    "no_longer_stopped",
    "newly_stopped",
    "stopped_later",
  ] as const;
  const ended = runs.filter(({ ended_at }) => ended_at !== null);
  const rows = ended.slice(0, 12).map((run, index): PolicyComparison["runs"][number] => {
    const verdict = index === 7 ? "not_replayable" : (verdicts[index % verdicts.length] ?? "same");
    const end = Date.parse(run.ended_at ?? run.created_at);
    const isStopped = verdict !== "no_longer_stopped" && verdict !== "not_replayable";
    const wasStopped =
      verdict === "stopped_earlier" || verdict === "stopped_later" || verdict === "no_longer_stopped";
    const wrong = index === 3;
    return {
      run_id: run.id,
      run_name: run.name,
      state: run.state,
      ended_at: run.ended_at,
      category:
        verdict === "not_replayable"
          ? null
          : ((["loop", "retry_storm", "stall"] as const)[index % 3] ?? "loop"),
      base_action: wasStopped ? "stop" : null,
      base_at: wasStopped ? iso(end - 100_000) : null,
      candidate_action: isStopped ? (index % 2 === 0 ? "stop" : "restart") : null,
      candidate_at: isStopped ? iso(end - 160_000) : null,
      saved_ms: isStopped && !wrong ? 160_000 + index * 3_100_000 : null,
      cost_ms: wrong ? 5_400_000 : null,
      verdict,
      detail: verdict === "not_replayable" ? "Its evidence is older than the retention of 90 days." : null,
    };
  });
  return {
    runs: rows,
    summary: {
      runs: 184,
      not_replayable: 3,
      base_stops: 4,
      candidate_stops: 9,
      wrong_base: 0,
      wrong_candidate: 1,
      saved_ms: 51_300_000,
      cost_ms: 5_400_000,
      sentence:
        "Of 184 runs of the last 14 days, the draft would have stopped 9 instead of 4: 14 h 15 m spared, and 1 h 30 m of good work lost in one run that ended well.",
    },
  };
}
