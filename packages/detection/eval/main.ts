import { parseArgs } from "node:util";
import { detectorConfig, savedLogConfig, type DetectorConfig } from "../src/index.ts";
import { BASELINES } from "./baselines.ts";
import { enforceBenign, enforceLabelled, enforceSick, ENFORCING, type EnforcedSick } from "./enforce.ts";
import {
  evaluateBenign,
  evaluateSick,
  firstConfirmed,
  isFalse,
  makeSickRuns,
  readLogs,
  type LabelledLog,
  type SickResult,
} from "./evaluate.ts";
import { FLAT_HOURS, GROWTH_SHAPES, growthRuns, VARIANTS } from "./growth.ts";
import { CATEGORIES, SETTINGS } from "./pathologies.ts";
import { TRANSFORMS } from "./transforms.ts";

/**
 * `pnpm eval:detection -- DIR`: how well the detector does over a folder of labelled logs, over its benign files as they
 * might have been written instead, and over benign runs that are made to go wrong. Prints Markdown.
 */
const THRESHOLDS = [
  "failuresMin",
  "streakMsMin",
  "progressShare",
  "noveltyShare",
  "errorShare",
  "startupMs",
  "floodPerSecond",
  "floodMsMin",
  "quietMsMin",
  "quietFactor",
  "exitsMin",
  "growth",
  "growthMsMin",
  "limitEtaMs",
  "stepsMin",
  "cycleRoundsMin",
] as const satisfies readonly (keyof DetectorConfig)[];

const { positionals, values } = parseArgs({
  // pnpm hands on the `--` that stands before the folder, behind which nothing would be an option.
  args: process.argv.slice(2).filter((word) => word !== "--"),
  allowPositionals: true,
  allowNegative: true,
  options: { stability: { type: "boolean", default: true } },
});
const [folder] = positionals;
if (folder === undefined) {
  process.stderr.write("usage: pnpm eval:detection -- DIR [--no-stability]\n");
  process.exit(2);
}
const logs = readLogs(folder);
const benign = logs.filter((file) => file.label === "benign");
const sick = logs.filter((file) => file.label !== "benign");

printLabelled();
const transformed = evaluateBenign(logs, {});
printTransformed();
const cases = makeSickRuns(logs);
const results = evaluateSick(cases, {});
printSick(results);
printNames(results);
printGrowth();
printEnforced();
if (values.stability) printStability();

function printLabelled(): void {
  print("## Labelled logs as they are\n");
  const count = (alarm: (file: LabelledLog) => boolean) => [
    `${sick.filter(alarm).length}/${sick.length}`,
    `${benign.filter(alarm).length}/${benign.length}`,
  ];
  const decisions = new Map(logs.map((file) => [file, firstConfirmed(file.log, savedLogConfig(file.timed))]));
  const alarms = (file: LabelledLog) => {
    const decision = decisions.get(file) ?? null;
    return file.label === "benign" ? isFalse(file, decision) : decision !== null;
  };
  table(
    ["rule", "found", "false"],
    [
      ["**the detector**", ...count(alarms)],
      ...Object.entries(BASELINES).map(([name, rule]) => [name, ...count((file) => rule(file.log))]),
    ],
  );
  table(
    ["label", "said", "line", "of lines", "seconds"],
    sick.map((file) => {
      const decision = decisions.get(file) ?? null;
      if (decision === null) return [file.label, "missed", "", file.log.length, ""];
      const since = (decision.at - (file.log[0]?.at ?? 0)) / 1000;
      return [file.label, decision.category, decision.line, file.log.length, Math.round(since)];
    }),
  );
}

function printTransformed(): void {
  print("## Benign logs, transformed\n");
  table(["transform", "runs", "false interventions"], transformed.rows);
  for (const text of transformed.wrong) print(`- false: ${text}`);
  print(`${transformed.wrong.length} false interventions in ${transformed.runs} runs.\n`);
}

function printSick(results: readonly SickResult[]): void {
  print("## Benign runs that go wrong\n");
  const columns = [
    "runs",
    "recall",
    "category right",
    "median s",
    "90 % s",
    "median lines",
    "in 30 s or 200 lines",
  ];
  table(
    ["category", ...columns],
    [
      ...CATEGORIES.map((category) => [
        category,
        ...summary(results.filter(({ run }) => run.category === category)),
      ]),
      ["all", ...summary(results)],
    ],
  );
  const printed = results.filter(({ run }) => run.category === "loop" || run.category === "retry_storm");
  table(
    ["loops and storms: lines/s, healthy lines among them", ...columns],
    SETTINGS.map((setting) => [
      `${setting.perSecond}/s, ${setting.noise * 100} %`,
      ...summary(printed.filter((result) => result.setting === setting)),
    ]),
  );
  const missed = results.filter(({ decision }) => decision === null);
  for (const { run, setting } of missed)
    print(`- missed: ${run.name} at ${setting.perSecond} lines/s, ${setting.noise * 100} % healthy lines`);
  const found = results.length - missed.length;
  const precision = percent(found, found + transformed.wrong.length);
  print(`\nPrecision over the runs of both tables ${precision}, recall ${percent(found, results.length)}.\n`);
}

/** What was said of each category: a verdict is right under another name as well, an answer may not be. */
function printNames(made: readonly SickResult[]): void {
  print("## What was said of what\n");
  const said = [...CATEGORIES, "missed"] as const;
  table(
    ["made as", ...said],
    CATEGORIES.map((category) => {
      const own = made.filter(({ run }) => run.category === category);
      return [
        category,
        ...said.map((name) => own.filter(({ decision }) => (decision?.category ?? "missed") === name).length),
      ];
    }),
  );
}

/** Memory, disk and processes that stand still for long first. */
function printGrowth(): void {
  print("## Growth that begins late\n");
  const found = new Map<string, number>();
  const shares: number[] = [];
  let early = 0;
  for (const { name, isSick, onsetAt, samples } of growthRuns()) {
    const decision = firstConfirmed(samples, {});
    if (decision === null) continue;
    if (decision.at < onsetAt) early += 1;
    const row = `${name} ${onsetAt / 3_600_000}`;
    found.set(row, (found.get(row) ?? 0) + 1);
    if (isSick) shares.push((decision.at - onsetAt) / ((samples.at(-1)?.at ?? 0) - onsetAt));
  }
  table(
    ["after hours of standing still", ...FLAT_HOURS.map(String)],
    GROWTH_SHAPES.map(({ name, isSick }) => [
      `${isSick ? "sick" : "benign"}: ${name}`,
      ...FLAT_HOURS.map((hours) => `${found.get(`${name} ${hours}`) ?? 0}/${VARIANTS}`),
    ]),
  );
  const middle = Math.round(quantile(shares, 0.5) * 100);
  print(
    `${early} verdicts before the growth began. The sick ones were found after ${middle} % of their way, in the median.\n`,
  );
}

function summary(results: readonly SickResult[]): (string | number)[] {
  const found = results.flatMap(({ run, decision }) =>
    decision === null
      ? []
      : [{ run, decision, ms: decision.at - run.onsetAt, lines: Math.max(0, decision.line - run.onsetLine) }],
  );
  const inTime = found.filter(({ ms, lines }) => ms <= 30_000 || lines <= 200).length;
  const named = found.filter(({ run, decision }) => run.category === decision.category).length;
  const seconds = found.map(({ ms }) => ms / 1000);
  return [
    results.length,
    percent(found.length, results.length),
    percent(named, found.length),
    Math.round(quantile(seconds, 0.5)),
    Math.round(quantile(seconds, 0.9)),
    quantile(
      found.map(({ lines }) => lines),
      0.5,
    ),
    percent(inTime, results.length),
  ];
}

/** What comes of all this where a policy acts on it. */
function printEnforced(): void {
  print("## Under enforce\n");
  const { rows, wrong, runs } = enforceBenign(logs);
  table(["benign", "runs", "interventions for nothing"], rows);
  for (const text of wrong) print(`- false: ${text}`);
  print(`${wrong.length} interventions for nothing in ${runs} runs.\n`);
  const made = enforceSick(cases);
  table(
    ["gone wrong", "runs", "stopped", "before the onset", "log over within warm-up", "median s", "90 % s"],
    [
      ["labelled logs", ...enforced(enforceLabelled(logs))],
      ...CATEGORIES.map((category) => [
        category,
        ...enforced(made.filter((one) => one.category === category)),
      ]),
      ["all made-up runs", ...enforced(made)],
    ],
  );
  print(`The policy leaves a run ${ENFORCING.warm_up_ms / 1000} s to warm up.\n`);
}

function enforced(results: readonly EnforcedSick[]): (string | number)[] {
  const seconds = results.flatMap(({ ms }) => (ms === null ? [] : [ms / 1000]));
  return [
    results.length,
    percent(seconds.length, results.length),
    results.filter(({ early }) => early).length,
    results.filter(({ heldByWarmUp }) => heldByWarmUp).length,
    Math.round(quantile(seconds, 0.5)),
    Math.round(quantile(seconds, 0.9)),
  ];
}

/** Each threshold alone, a fifth lower and a fifth higher. */
function printStability(): void {
  print("## Each threshold moved by 20 %\n");
  const base = detectorConfig();
  const rows = THRESHOLDS.flatMap((name) =>
    [0.8, 1.2].map((factor) => {
      const changed = { [name]: Math.round(base[name] * factor) };
      const found = evaluateSick(cases, changed).filter(({ decision }) => decision !== null).length;
      const labelled = sick.filter(
        (file) => firstConfirmed(file.log, savedLogConfig(file.timed, changed)) !== null,
      ).length;
      const falses = evaluateBenign(logs, changed, TRANSFORMS.slice(0, 3));
      return [
        `${name} x${factor}`,
        `${labelled}/${sick.length}`,
        percent(found, cases.length),
        `${falses.wrong.length}/${falses.runs}`,
      ];
    }),
  );
  table(["threshold", "labelled logs found", "recall", "false interventions"], rows);
}

function quantile(values_: readonly number[], at: number): number {
  const sorted = values_.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * at))] ?? 0;
}

function percent(part: number, whole: number): string {
  return whole === 0 ? "-" : `${((part * 100) / whole).toFixed(1)} %`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const line = (cells: readonly (string | number)[]) => print(`| ${cells.join(" | ")} |`);
  line(head);
  line(head.map((_, index) => (index === 0 ? "---" : "---:")));
  for (const row of rows) line(row);
  print("");
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
