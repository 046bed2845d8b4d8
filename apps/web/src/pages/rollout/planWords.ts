/** A rollout's plan in words: what stands on its page and below its form. */
import type { MaintenanceWindow, RolloutPlan, WaveSize } from "@flowplane/contract";
import { span } from "../../lib/time.ts";
import { counted, number } from "../../lib/units.ts";

export function waveWords(wave: WaveSize): string {
  return "count" in wave ? counted(wave.count, "agent") : `up to ${wave.percent} %`;
}

/** "1 agent, up to 10 %, up to 50 %, all that are left". */
export function wavesWords(waves: readonly WaveSize[]): string {
  return waves
    .map((wave, index) => (index === waves.length - 1 ? "all that are left" : waveWords(wave)))
    .join(", ");
}

export function gateWords({ min_pass_percent, max_failures, on_failure }: RolloutPlan["gate"]): string {
  const then = on_failure === "pause" ? "it pauses" : "it goes back by itself";
  const share = min_pass_percent >= 100 ? "" : ` or fewer than ${min_pass_percent} % of a wave pass`;
  return max_failures === 0
    ? `When one agent fails${share}, ${then}.`
    : `When more than ${counted(max_failures, "agent")} fail${share}, ${then}.`;
}

const DAY_WORD = {
  mon: "Mon",
  tue: "Tue",
  wed: "Wed",
  thu: "Thu",
  fri: "Fri",
  sat: "Sat",
  sun: "Sun",
} as const;

export function windowWords({ days, from, until, time_zone }: MaintenanceWindow): string {
  const names = days.length === 7 ? "every day" : days.map((day) => DAY_WORD[day]).join(", ");
  return `${names}, ${from}–${until}${until <= from ? " of the next day" : ""}, ${time_zone}`;
}

/** The plan as name and value pairs. */
export function planFacts(plan: RolloutPlan): readonly { name: string; words: string }[] {
  return [
    { name: "Waves", words: wavesWords(plan.waves) },
    { name: "At a time", words: `at most ${number(plan.max_unavailable)} without a verdict` },
    {
      name: "Verdict",
      words: `well for ${span(plan.soak_seconds * 1_000)}; silence counts as failed after ${span(plan.verdict_timeout_seconds * 1_000)}`,
    },
    { name: "Gate", words: gateWords(plan.gate) },
    ...(plan.telemetry === null
      ? [{ name: "Telemetry", words: "not judged" }]
      : [
          {
            name: "Telemetry",
            words: `at most ${plan.telemetry.max_error_percent} % more errors and ${plan.telemetry.max_drop_percent} % less accepted than usual for the agent`,
          },
        ]),
    ...(plan.approval ? [{ name: "Approval", words: "before every wave after the first" }] : []),
    ...(plan.window === null ? [] : [{ name: "Window", words: windowWords(plan.window) }]),
    {
      name: "New agents",
      words: plan.include_new_agents ? "get the version when they match later" : "are left alone",
    },
  ];
}
