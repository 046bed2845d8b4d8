import type { Category, DetectionEvent, LineEvent } from "../src/index.ts";
import { seeded, type Random } from "./random.ts";
import { latin1 } from "./transforms.ts";

/** A benign run that goes wrong at a known moment. */
export interface SickRun {
  readonly name: string;
  readonly category: Category;
  readonly onsetAt: number;
  readonly onsetLine: number;
  /** Share of lines that are still the healthy job's. */
  readonly noise: number;
  readonly events: readonly DetectionEvent[];
}

export const SHAPES = 20;
const STRETCH_MS = 1_800_000;
const LINES_MAX = 6_000;
const SAMPLE_MS = 5_000;
const MB = 1_048_576;

export interface Setting {
  /** Lines per second of the stretch that is sick. */
  readonly perSecond: number;
  readonly noise: number;
}

export const SETTINGS: readonly Setting[] = [
  { perSecond: 0.3, noise: 0 },
  { perSecond: 2, noise: 0.1 },
  { perSecond: 30, noise: 0 },
  { perSecond: 30, noise: 0.2 },
];

export const CATEGORIES: readonly Category[] = ["loop", "retry_storm", "stall", "runaway", "agent_loop"];

export function sickRun(
  category: Category,
  shape: number,
  setting: Setting,
  healthy: readonly LineEvent[],
): SickRun {
  const random = seeded(hashOf(category) + shape * 101);
  const start = healthy.slice(0, Math.min(healthy.length, 200 + random.whole(0, 300)));
  const rest = healthy.slice(start.length);
  const base = start[0]?.at ?? 0;
  // Saved logs have pauses of days, or a minute's work in a second: the healthy part is played at an even temper.
  let at = 0;
  let previous = base;
  const events: DetectionEvent[] = start.map((line) => {
    at += Math.min(2_000, Math.max(400, line.at - previous));
    previous = line.at;
    return { ...line, at };
  });
  const onset = at + 1_000;
  const more = stretch(category, shape, setting, random, onset, rest);
  const onsetLine = start.length + 1;
  return {
    name: `${category} ${shape}`,
    category,
    onsetAt: onset,
    onsetLine,
    noise: setting.noise,
    events: [...withSamples(events, category, shape), ...more],
  };
}

function hashOf(text: string): number {
  return Array.from(text).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7) >>> 0;
}

/** Silence and growth are judged against a healthy past, so that has samples as well. */
function withSamples(events: readonly DetectionEvent[], category: Category, shape: number): DetectionEvent[] {
  const sampled = (category === "stall" && shape < SHAPES / 2) || (category === "runaway" && shape < 16);
  if (!sampled) return [...events];
  const all = [...events];
  const last = events.at(-1)?.at ?? 0;
  for (let at = 0; at <= last; at += SAMPLE_MS)
    all.push({
      kind: "sample",
      at,
      cpuMs: at / 2,
      ioBytes: at * 100,
      rssBytes: 300 * MB,
      children: 3,
      diskBytes: 50 * MB,
    });
  return all.toSorted((a, b) => a.at - b.at);
}

function stretch(
  category: Category,
  shape: number,
  setting: Setting,
  random: Random,
  from: number,
  rest: readonly LineEvent[],
): DetectionEvent[] {
  switch (category) {
    case "loop":
      return printed(loopRound(random), setting, random, from, rest);
    case "retry_storm":
      return shape % 4 === 3
        ? crashes(random, from)
        : printed(retryRound(random), setting, random, from, rest);
    case "stall":
      return shape < SHAPES / 2
        ? silence(random, from)
        : printed(
            waitRound(random),
            { ...setting, perSecond: Math.min(setting.perSecond, 0.5) },
            random,
            from,
            rest,
          );
    case "runaway":
      return shape < 16 ? growth(shape, random, from) : flood(random, from);
    case "agent_loop":
      return circles(shape, random, from);
  }
}

type Round = (turn: number) => string[];

const THINGS = [
  "chunk",
  "shard",
  "order",
  "batch",
  "table",
  "segment",
  "message",
  "checkpoint",
  "report",
  "page",
];
const REASONS = [
  "permission denied",
  "no space left on device",
  "invalid argument",
  "unexpected end of input",
  "null value in column",
  "cannot read property of undefined",
  "index out of range",
  "schema mismatch",
  "broken pipe",
  "assertion failed",
];
const ERRORS = [
  "ValueError",
  "java.lang.IllegalStateException",
  "TypeError",
  "RuntimeError",
  "panic",
  "KeyError",
];
const PEERS = ["db:5432", "10.0.4.7:9092", "https://api.internal/v1", "redis://cache:6379", "broker-2"];

function head(random: Random): (turn: number, level: string) => string {
  const stamp = (turn: number) => new Date(1_700_000_000_000 + turn * 1_371).toISOString();
  return random.pick([
    (turn: number, level: string) => `${stamp(turn)} ${level} `,
    (turn: number, level: string) => `[${stamp(turn).slice(11, 23)}] [${level.toLowerCase()}] `,
    (turn: number, level: string) =>
      `${stamp(turn).slice(0, 19).replace("T", " ")},${100 + (turn % 900)} - worker - ${level} - `,
    (_: number, level: string) => `${level}: `,
    () => "",
  ]);
}

function loopRound(random: Random): Round {
  const begin = head(random);
  const thing = random.pick(THINGS);
  const reason = random.pick(REASONS);
  const error = random.pick(ERRORS);
  const frames = random.whole(0, 5);
  const before = random.whole(0, 2);
  const pid = random.next() < 0.4;
  return (turn) => [
    ...Array.from(
      { length: before },
      (_, n) => `${begin(turn, "INFO")}${n === 0 ? "processing" : "loading"} ${thing}`,
    ),
    `${begin(turn, "ERROR")}${pid ? `[pid ${3_000 + turn}] ` : ""}${error}: ${reason} (${thing})`,
    ...Array.from({ length: frames }, (_, n) => `    at step${n} (src/${thing}.js:${10 + n}:${7 + n})`),
  ];
}

function retryRound(random: Random): Round {
  const begin = head(random);
  const peer = random.pick(PEERS);
  const reason = random.pick([
    "connection refused",
    "timed out after 30s",
    "503 service unavailable",
    "connection reset",
    "429 too many requests",
  ]);
  const announce = random.pick([
    (turn: number) => `retrying in ${1 + (turn % 5)}s (attempt ${turn + 1})`,
    (turn: number) => `backing off ${(turn % 8) + 0.5}s before retry`,
    () => "reconnecting",
    (turn: number) => `will try again, ${turn} tries so far`,
  ]);
  const oneLine = random.next() < 0.4;
  return (turn) =>
    oneLine
      ? [`${begin(turn, "WARN")}request to ${peer} failed: ${reason}; ${announce(turn)}`]
      : [
          `${begin(turn, "ERROR")}request to ${peer} failed: ${reason}`,
          `${begin(turn, "INFO")}${announce(turn)}`,
        ];
}

function waitRound(random: Random): Round {
  const begin = head(random);
  const thing = random.pick(THINGS);
  const text = random.pick([
    `${thing} is not ready`,
    `timed out waiting for ${thing}`,
    `${thing} unavailable, waiting for quorum`,
    `could not acquire lock on ${thing}: timeout`,
    `leader is not available for ${thing}`,
  ]);
  return (turn) => [`${begin(turn, "WARN")}${text}`];
}

/** Rounds at a pace, with lines of the healthy job among them. */
function printed(
  round: Round,
  { perSecond, noise }: Setting,
  random: Random,
  from: number,
  rest: readonly LineEvent[],
): DetectionEvent[] {
  const events: DetectionEvent[] = [];
  const gapMs = 1_000 / perSecond;
  let at = from;
  let next = 0;
  for (let turn = 0; at < from + STRETCH_MS && events.length < LINES_MAX; turn += 1) {
    for (const text of round(turn)) {
      events.push({ kind: "line", at: Math.round(at), stream: "stdout", bytes: latin1(text) });
      at += gapMs;
      const other = rest[next];
      if (random.next() * (1 - noise) < noise && other !== undefined) {
        events.push({ ...other, at: Math.round(at) });
        next += 1;
      }
    }
  }
  return events;
}

function crashes(random: Random, from: number): DetectionEvent[] {
  const code = random.pick([1, 2, 137, 139]);
  const text = `${random.pick(ERRORS)}: ${random.pick(REASONS)}`;
  const speaks = random.next() < 0.7;
  const uptimeMs = random.whole(300, 20_000);
  const pauseMs = random.whole(500, 30_000);
  const events: DetectionEvent[] = [];
  let at = from;
  for (let life = 0; life < 40; life += 1) {
    events.push({ kind: "start", at });
    events.push({
      kind: "line",
      at: at + 100,
      stream: "stdout",
      bytes: latin1(`starting version 1.${code}`),
    });
    if (speaks) events.push({ kind: "line", at: at + uptimeMs - 100, stream: "stderr", bytes: latin1(text) });
    events.push({ kind: "exit", at: at + uptimeMs, code, signal: null });
    at += uptimeMs + pauseMs;
  }
  return events;
}

function silence(random: Random, from: number): DetectionEvent[] {
  const cpuMs = from / 2;
  const trickle = random.whole(0, 30);
  return Array.from({ length: STRETCH_MS / SAMPLE_MS }, (_, n) => ({
    kind: "sample" as const,
    at: from + n * SAMPLE_MS,
    cpuMs: cpuMs + n * trickle,
    ioBytes: from * 100,
    children: 3,
  }));
}

function growth(shape: number, random: Random, from: number): DetectionEvent[] {
  const perSample = random.whole(2, 12);
  const teeth = random.whole(0, 1) * 80;
  const kinds = ["memory", "memory", "disk", "children"] as const;
  const kind = kinds[shape % 4] ?? "memory";
  return Array.from({ length: STRETCH_MS / SAMPLE_MS }, (_, n) => {
    const at = from + n * SAMPLE_MS;
    const base = { kind: "sample" as const, at, cpuMs: at / 2, ioBytes: at * 100 };
    // The limit is reached when the stretch ends.
    const limit = (300 + 80 + (STRETCH_MS / SAMPLE_MS) * perSample) * MB;
    const size = (300 + n * perSample + teeth * ((n % 8) / 8)) * MB;
    if (kind === "memory") return { ...base, rssBytes: size, rssLimitBytes: limit };
    if (kind === "disk") return { ...base, diskBytes: size, diskLimitBytes: limit };
    return { ...base, children: 3 + n, childrenLimit: 400 };
  });
}

function flood(random: Random, from: number): DetectionEvent[] {
  const texts = Array.from(
    { length: random.whole(1, 4) },
    () => `state ${random.pick(THINGS)} ${"=".repeat(random.whole(20, 800))}`,
  );
  const gapMs = random.pick([0.5, 1, 2]);
  return Array.from({ length: Math.min(60_000, 60_000 / gapMs) }, (_, n) => ({
    kind: "line" as const,
    at: from + Math.round(n * gapMs),
    stream: "stdout" as const,
    bytes: latin1(texts[n % texts.length] ?? ""),
  }));
}

function circles(shape: number, random: Random, from: number): DetectionEvent[] {
  const tools = ["read_file", "grep", "run", "edit", "search", "list"];
  const period = 1 + (shape % 5);
  const fails = random.next() < 0.5;
  const steps = Array.from({ length: period }, (_, n) => ({
    tool: tools[(shape + n) % tools.length] ?? "run",
    args: `${random.pick(THINGS)} ${n}`,
    result: fails ? `Error: ${random.pick(REASONS)}` : `${random.pick(THINGS)} unchanged`,
  }));
  const detour = shape % 4 === 3;
  return Array.from({ length: 120 }, (_, n) => {
    const at = from + n * 3_000;
    const step = steps[n % period];
    const strays = detour && n % 11 === 10;
    return {
      kind: "step" as const,
      at,
      tool: strays || step === undefined ? "think" : step.tool,
      args: strays || step === undefined ? `idea ${n}` : step.args,
      result: strays || step === undefined ? null : `${step.result} (request ${hexOf(n)})`,
      failed: false,
      conversation: null,
    };
  });
}

function hexOf(n: number): string {
  return (0xa0000000 + n * 7_919).toString(16);
}
