import type { Client, MaintenanceWindow, WaveSize } from "@flowplane/contract";
import { InvalidArgumentError, type Command } from "commander";
import { parseCount, parseDurationSeconds } from "./input.ts";

// The options that say how a version is brought to agents, shared by `rollouts plan`, `rollouts start` and `configs apply`.

type CreateBody = Parameters<Client["rolloutCreate"]>[0]["body"];
export type PlanInput = NonNullable<CreateBody["plan"]>;
export type SplitInput = NonNullable<CreateBody["split"]>;

export interface PlanOptions {
  waves?: WaveSize[];
  maxUnavailable?: number;
  soak?: number;
  verdictTimeout?: number;
  minPass?: number;
  maxFailures?: number;
  onFailure?: "pause" | "roll-back";
  approval?: true;
  window?: MaintenanceWindow;
  /** Commander's names for `--no-telemetry` and `--no-new-agents`. */
  telemetry: boolean;
  newAgents: boolean;
}

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
type Day = (typeof DAYS)[number];

/** Adds the options of a plan; what is left out is the control plane's default. */
export function withPlanOptions(command: Command): Command {
  command
    .option("--waves <sizes>", "agents a wave takes, as 1,10%,100% (default: 1,10%,50%,100%)", parseWaves)
    .option("--max-unavailable <n>", "agents under way at a time (default: 100)", parseCount)
    .option(
      "--soak <duration>",
      "how long an agent must stay well after it applied (default: 60s)",
      parseDurationSeconds,
    )
    .option(
      "--verdict-timeout <duration>",
      "an agent that has said nothing by then has failed (default: 5m)",
      parseDurationSeconds,
    )
    .option("--min-pass <percent>", "agents of a wave that must pass (default: 100)", parsePercent)
    .option("--max-failures <n>", "agents that may fail, over all waves (default: 0)", parseWhole)
    .option("--approval", "wait for a person before every wave after the first")
    .option(
      "--window <window>",
      'when agents may be changed, as "Europe/Berlin mon-thu 09:00-16:00"',
      parseWindow,
    )
    .option("--no-telemetry", "do not judge by what Collectors report of their own throughput")
    .option("--no-new-agents", "leave alone agents that match only later");
  return command.addOption(
    command
      .createOption("--on-failure <what>", "what a wave that fails leads to (default: roll-back)")
      .choices(["roll-back", "pause"]),
  );
}

/** The plan as the API takes it: only what was said. */
export function planOf(options: PlanOptions): PlanInput {
  const gate = {
    ...(options.minPass === undefined ? {} : { min_pass_percent: options.minPass }),
    ...(options.maxFailures === undefined ? {} : { max_failures: options.maxFailures }),
    ...(options.onFailure === undefined
      ? {}
      : { on_failure: options.onFailure === "pause" ? ("pause" as const) : ("roll_back" as const) }),
  };
  return {
    ...(options.waves === undefined ? {} : { waves: options.waves }),
    ...(options.maxUnavailable === undefined ? {} : { max_unavailable: options.maxUnavailable }),
    ...(options.soak === undefined ? {} : { soak_seconds: options.soak }),
    ...(options.verdictTimeout === undefined ? {} : { verdict_timeout_seconds: options.verdictTimeout }),
    ...(Object.keys(gate).length === 0 ? {} : { gate }),
    ...(options.approval === true ? { approval: true } : {}),
    ...(options.window === undefined ? {} : { window: options.window }),
    ...(options.telemetry ? {} : { telemetry: null }),
    ...(options.newAgents ? {} : { include_new_agents: false }),
  };
}

/** `1,10%,100%`: so many agents more, or until so many percent of all have been taken. */
export function parseWaves(text: string): WaveSize[] {
  return text.split(",").map((part) => {
    const [, digits = "", percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(part.trim()) ?? [];
    const size = Number(digits);
    if (digits === "" || size === 0 || (percent === "%" ? size > 100 : !Number.isInteger(size)))
      throw new InvalidArgumentError("Write numbers and percentages, like 1,10%,100%.");
    return percent === "%" ? { percent: size } : { count: size };
  });
}

/** `Europe/Berlin mon-thu 09:00-16:00`; days also as `mon,wed` or `fri-mon`. */
export function parseWindow(text: string): MaintenanceWindow {
  const [, zone, days, from, until] = /^(\S+)\s+(\S+)\s+(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text.trim()) ?? [];
  if (zone === undefined || days === undefined || from === undefined || until === undefined)
    throw new InvalidArgumentError('Write it like "Europe/Berlin mon-thu 09:00-16:00".');
  return { time_zone: zone, days: daysOf(days.toLowerCase()), from, until };
}

function daysOf(text: string): Day[] {
  const named = new Set(text.split(",").flatMap(daysOfRange));
  return DAYS.filter((day) => named.has(day));
}

/** `mon`, or `fri-mon` over the end of the week. */
function daysOfRange(text: string): Day[] {
  const [first, last = first] = text.split("-").map((name) => DAYS.findIndex((day) => day === name));
  if (first === undefined || last === undefined || first < 0 || last < 0 || text.split("-").length > 2)
    throw new InvalidArgumentError(`Write days as ${DAYS.join(", ")}, or as mon-thu.`);
  const count = ((last - first + DAYS.length) % DAYS.length) + 1;
  return Array.from({ length: count }, (_, index) => DAYS[(first + index) % DAYS.length] ?? "mon");
}

/** `20%:3`: so many percent of the agents get the version, the others version 3. */
export function parseSplit(text: string): SplitInput {
  const [, percent, version] = /^(\d+(?:\.\d+)?)%:v?(\d+)$/.exec(text.trim()) ?? [];
  if (percent === undefined || version === undefined)
    throw new InvalidArgumentError(
      "Write it like 20%:3: the share of the new version, and the other version.",
    );
  return { percent: Number(percent), baseline_version: Number(version) };
}

function parsePercent(text: string): number {
  const value = Number(text.replace(/%$/, ""));
  if (text === "" || Number.isNaN(value) || value < 0 || value > 100)
    throw new InvalidArgumentError("It must be a number from 0 to 100.");
  return value;
}

function parseWhole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number, 0 or more.");
  return Number(text);
}
