import type { Decision } from "./events.ts";

// What a decision says to people: a title, and one sentence of what was seen.

const TEXT_SHOWN_MAX = 160;

const NAMES = {
  loop: "Loop",
  stall: "Stall",
  retry_storm: "Retry storm",
  runaway: "Runaway",
  agent_loop: "Agent loop",
} as const;

const GROWS = {
  memory: { what: "memory", unit: "bytes" },
  reported: { what: "memory, as the log reports it,", unit: "bytes" },
  disk: { what: "disk use", unit: "bytes" },
  children: { what: "the number of processes", unit: "processes" },
} as const;

export function titleOf(decision: Decision): string {
  const { category, source, evidence } = decision;
  const name = NAMES[category];
  switch (source) {
    case "output": {
      const { signature } = evidence;
      if (signature === null) return `${name}: no progress in what it prints`;
      const { noun } = whatRepeats(decision);
      return `${name}: ${noun} ${count(signature.count)} times`;
    }
    case "silence":
      return `${name}: silent and idle for ${duration(decision.at - evidence.since.at)}`;
    case "heartbeat":
      return `${name}: no heartbeat for ${duration(decision.at - evidence.since.at)}`;
    case "exits":
      return `${name}: ended ${count(evidence.signature?.count ?? 0)} times in the same way`;
    case "steps":
      return `${name}: ${stepsSeen(decision)}`;
    case "memory":
    case "reported":
    case "disk":
    case "children":
      return `${name}: ${GROWS[source].what.replace(/,.*/, "")} keeps growing`;
  }
}

export function sentenceOf(decision: Decision): string {
  const { source, evidence, at } = decision;
  if (decision.kind === "cleared") return overSentence(decision);
  const lasts = duration(at - evidence.since.at);
  switch (source) {
    case "output": {
      const { signature } = evidence;
      if (signature === null) return `Nothing new was printed for ${lasts}.`;
      const { noun } = whatRepeats(decision);
      const span = signature.count > 1 ? ` in ${lasts}` : "";
      return `${capital(noun)} ${count(signature.count)} times${span}, ${progressOf(decision)}: ${shown(signature.text)}`;
    }
    case "silence":
      return `It has printed nothing, and used neither CPU nor disk, for ${lasts}; last sign of life ${clock(evidence.since.at)}${lastSign(decision)}.`;
    case "heartbeat": {
      const promised = evidence.families[0]?.threshold ?? 0;
      return `It promised a sign of life every ${duration(promised)} and has given none for ${lasts}, since ${clock(evidence.since.at)}.`;
    }
    case "exits": {
      const { signature } = evidence;
      const how = signature?.lastText ?? "";
      const failure =
        signature === null || signature.text === how
          ? ""
          : ` after the same failure: ${shown(signature.text)}`;
      return `It ended ${count(signature?.count ?? 0)} times with ${how} in ${lasts}${failure === "" ? "; starting it again does not help." : failure}`;
    }
    case "steps":
      return `${capital(stepsSeen(decision))} since ${clock(evidence.since.at)}, with nothing new: ${shown(evidence.signature?.text ?? "")}`;
    case "memory":
    case "reported":
    case "disk":
    case "children":
      return growthSentence(decision, source);
  }
}

function overSentence({ evidence }: Decision): string {
  const { lastProgress } = evidence;
  return lastProgress === null
    ? "It is over."
    : `It gets on again: ${lastProgress.what} at line ${count(lastProgress.line)}.`;
}

/** Whether it is a failure that comes back, or a line. */
function whatRepeats({ evidence }: Decision): { noun: string } {
  const isFailure = evidence.families.some(({ family }) => family === "error");
  return { noun: isFailure ? "the same error" : "the same lines, without news," };
}

function progressOf({ evidence }: Decision): string {
  const { lastProgress, since } = evidence;
  return lastProgress === null
    ? `no progress since it began at ${clock(since.at)}`
    : `no progress since ${clock(lastProgress.at)} (line ${count(lastProgress.line)})`;
}

function lastSign({ evidence }: Decision): string {
  const { lastProgress } = evidence;
  if (lastProgress === null || lastProgress.what === "start") return ", when it started";
  return lastProgress.what === "output" ? ` (line ${count(lastProgress.line)})` : ` (${lastProgress.what})`;
}

function stepsSeen({ evidence }: Decision): string {
  const steps = evidence.families.find(({ family }) => family === "steps");
  if (steps === undefined) return "the same steps again and again";
  if (steps.unit.startsWith("of ")) return `${count(steps.value)} ${steps.unit}`;
  return `${count(steps.value)} ${steps.unit}`;
}

function growthSentence({ at, evidence }: Decision, source: keyof typeof GROWS): string {
  const { what } = GROWS[source];
  const level = evidence.families.find(({ family }) => family === "level");
  const volume = evidence.families.find(({ family }) => family === "volume");
  const times = level === undefined ? "" : ` to ${(level.value / 1000).toFixed(1)} times its level`;
  const limit = volume === undefined ? "" : ` and reaches its limit in ${duration(volume.value)}`;
  return `${capital(what)} has grown steadily for ${duration(at - evidence.since.at)}${times}${limit}.`;
}

function shown(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length <= TEXT_SHOWN_MAX ? line : `${line.slice(0, TEXT_SHOWN_MAX - 1)}…`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** UTC, since evidence is read anywhere. Times that are no dates are told as a distance. */
function clock(at: number): string {
  if (at < 86_400_000) return duration(Math.max(0, at));
  return `${new Date(at).toISOString().slice(11, 19)} UTC`;
}

/** Two units at most. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return seconds === 1 ? "1 second" : `${seconds} seconds`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return minutes === 1 ? "1 minute" : `${minutes} minutes`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  return `${hours} h${rest === 0 ? "" : ` ${rest} min`}`;
}
