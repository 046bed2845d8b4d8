import { readFile } from "node:fs/promises";
import type { Problem } from "@flowplane/collector-config";
import type { Command } from "commander";
import { describeChange } from "../config-words.ts";
import { plainCommand, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import type { Output } from "../output.ts";
import { declareSavedConfigs } from "./saved-configs.ts";
import { declareSyncedConfigs } from "./synced-configs.ts";

interface JsonOption {
  json?: true;
}

/** What is said of one file; the names are those of the command's JSON. */
interface LintResult {
  readonly file: string;
  readonly ok: boolean;
  readonly problems: readonly (Omit<Problem, "at"> & { readonly line: number; readonly column: number })[];
}

/** What works on files alone (`lint`, `diff`, `merge`) needs no control plane. */
export function declareConfigs(program: Command, context: Context): void {
  const configs = plainCommand(
    program,
    "configs",
    "Check, compare and keep configurations of OpenTelemetry Collectors",
  );
  declareSavedConfigs(configs, context);
  declareSyncedConfigs(configs, context);
  plainCommand(
    configs,
    "lint",
    "Tell what a Collector would refuse, and what it would take but was hardly meant",
  )
    .argument("<file...>", "YAML files; - is what is typed or piped in")
    .option("--json", "print one object per file and line")
    .option("--strict", "fail on warnings, too")
    .action((files: string[], options: JsonOption & { strict?: true }) => lint(context, files, options));
  plainCommand(
    configs,
    "diff",
    "Show what a second configuration does otherwise than a first: by component, not by line",
  )
    .argument("<before>", "YAML file")
    .argument("<after>", "YAML file")
    .option("--json", "print the changes as JSON")
    .action((before: string, after: string, options: JsonOption) => diff(context, before, after, options));
  plainCommand(configs, "merge", "Show what an opampsupervisor makes of several entries of a configuration")
    .argument("<file...>", "YAML files; the later ones win")
    .action((files: string[]) => merge(context, files));
}

async function lint(
  context: Context,
  files: readonly string[],
  options: JsonOption & { strict?: true },
): Promise<void> {
  const { checkConfig } = await import("@flowplane/collector-config");
  const { output } = context;
  for (const file of files) {
    const { problems } = checkConfig(await read(file));
    const isBad = problems.some(({ severity }) => severity === "error" || options.strict === true);
    if (isBad) context.exitCode = EXIT.failed;
    const result: LintResult = {
      file,
      ok: !isBad,
      problems: problems.map(({ at, ...problem }) => ({ ...problem, line: at.line, column: at.column })),
    };
    if (options.json === true) output.jsonLine(result);
    else printProblems(output, result);
  }
}

function printProblems(output: Output, { file, problems }: LintResult): void {
  for (const { line, column, severity, message } of problems)
    output.print(
      `${file}:${line}:${column}: ${output.style(severity === "error" ? "red" : "yellow", severity)}: ${message}`,
    );
  if (problems.length === 0) output.print(`${file}: no problems`);
}

async function diff(context: Context, before: string, after: string, options: JsonOption): Promise<void> {
  const { differences } = await import("@flowplane/collector-config");
  const changes = differences(await parsed(before), await parsed(after));
  if (changes.length > 0) context.exitCode = EXIT.failed;
  if (options.json === true) return context.output.json(changes);
  if (changes.length === 0) context.output.print("They do the same.");
  for (const change of changes) context.output.print(describeChange(change));
  return undefined;
}

async function merge(context: Context, files: readonly string[]): Promise<void> {
  const { mergeFragments, writeConfig } = await import("@flowplane/collector-config");
  const fragments = await Promise.all(
    // Names sort as the files are given, since a supervisor lays entries over each other by name.
    files.map(async (file, index) => ({ name: String(index).padStart(6, "0"), value: await parsed(file) })),
  );
  context.output.print(writeConfig(mergeFragments(fragments)).trimEnd());
}

async function parsed(file: string) {
  const { readConfig } = await import("@flowplane/collector-config");
  const { read: config, problems } = readConfig(await read(file));
  if (config !== null) return config.value;
  const [first] = problems;
  const place = `${file}:${first?.at.line ?? 1}:${first?.at.column ?? 1}: ${first?.message ?? "not a configuration"}`;
  throw new CliError(place, { exitCode: EXIT.usage });
}

async function read(file: string): Promise<string> {
  return readFile(file === "-" ? "/dev/stdin" : file, "utf8");
}
