import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ComparedRun, Policy, PolicyComparison, PolicyVersion } from "@flowplane/contract";
import { InvalidArgumentError, type Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type Api,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { changedPaths } from "../changed-paths.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findPolicy } from "../find.ts";
import { formatDuration, formatWhen, shortId } from "../format.ts";
import { parseCount } from "../input.ts";
import { listUpTo } from "../listing.ts";
import { readPolicyFile } from "../policy-file.ts";
import { reasonOf } from "../reasons.ts";
import { printable } from "../text-width.ts";

const POLICIES_MAX = 10_000;
const VERSIONS_MAX = 10_000;
const COMPARISON_POLL_MS = 500;

interface CompareOptions extends ApiOptions {
  version?: number;
  file?: string;
  base?: number;
  days?: number;
  runs?: number;
}

const POLICY = "name or id";
const NAME = "name or id, and @VERSION for another than the current one";

export function declarePolicies(program: Command, context: Context): void {
  const policies = plainCommand(program, "policies", "See and change what is done about runs that go wrong");
  defaultCommand(policies, "ls", "List policies")
    .alias("list")
    .action((options: ApiOptions) => list(context, options));
  apiCommand(policies, "show", "Print a version of a policy as a document that `apply` takes")
    .argument("<policy>", NAME)
    .action((wanted: string, options: ApiOptions) => show(context, wanted, options));
  apiCommand(policies, "diff", "Say in what two versions of a policy differ; exit code 1 when they do")
    .argument("<policy>", NAME)
    .argument("[other]", "another version such as 3, or a policy (default: the version before)")
    .action((wanted: string, other: string | undefined, options: ApiOptions) =>
      diff(context, wanted, other, options),
    );
  apiCommand(policies, "apply", "Save a document as the policy's next version, or as a new policy")
    .argument("<name>", "name of the policy")
    .requiredOption("-f, --file <file>", "the document, JSON or YAML; - reads stdin")
    .option("-m, --message <text>", "why; it is shown with the version")
    .action((name: string, options: ApiOptions & { file: string; message?: string }) =>
      apply(context, name, options),
    );
  apiCommand(
    policies,
    "compare",
    "Replay past runs under another version or a draft: what it would have stopped",
  )
    .argument("<policy>", POLICY)
    .option("--version <n>", "this version of it", parseVersion)
    .option("-f, --file <file>", "this document, JSON or YAML; - reads stdin")
    .option("--base <n>", "compared with this version (default: the current one)", parseVersion)
    .option("--days <n>", "over the runs of so many days", parseCount)
    .option("--runs <n>", "at most so many runs", parseCount)
    .action((wanted: string, options: CompareOptions) => compare(context, wanted, options));
}

async function list(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.policyList({ query }), POLICIES_MAX);
  if (options.json === true) return output.json(items);
  output.table<Policy>(
    [
      { title: "NAME", value: ({ name }) => name, shrinkTo: 12 },
      { title: "VERSION", align: "right", value: (policy) => String(policy.current_version) },
      { title: "MODE", value: ({ current }) => modeWords(current) },
      { title: "DEFAULT", value: (policy) => (policy.is_default ? "yes" : "") },
      { title: "RUNS 30D", align: "right", value: (policy) => String(policy.runs_30d) },
      { title: "INCIDENTS 30D", align: "right", value: (policy) => String(policy.incidents_30d) },
      { title: "CHANGED", value: ({ updated_at: at }) => formatWhen(at, context.now()) },
      { title: "ID", value: ({ id }) => shortId(id) },
    ],
    items,
  );
}

function modeWords({ mode, canary_percent: percent }: Policy["current"]): string {
  return percent === undefined ? mode : `${mode} ${percent} %`;
}

async function show(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { version } = await findVersion(client, wanted);
  output.json(options.json === true ? version : version.document);
}

async function diff(
  context: Context,
  wanted: string,
  other: string | undefined,
  options: ApiOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { policy, version } = await findVersion(client, wanted);
  const before = other ?? String(version.version - 1);
  const name = /^\d+$/.test(before) ? `${policy.id}@${before}` : before;
  const { version: base } = await findVersion(client, name);
  const changes = changedPaths(base.document, version.document);
  if (changes.length > 0) context.exitCode = EXIT.failed;
  if (options.json === true) return output.json(changes);
  if (changes.length === 0) return output.print("No difference.");
  for (const { path, before: old, after } of changes)
    output.print(printable(`${path}: ${JSON.stringify(old) ?? "-"} → ${JSON.stringify(after) ?? "-"}`));
}

async function apply(
  context: Context,
  name: string,
  options: ApiOptions & { file: string; message?: string },
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const document = (await readPolicyFile(options.file)) as Policy["current"];
  const { items } = await listUpTo((query) => client.policyList({ query }), POLICIES_MAX);
  const known = items.find((policy) => policy.name === name || policy.id === name);
  const idempotencyKey = randomUUID();
  if (known === undefined) {
    const created = await client.policyCreate({ body: { name, document } }, { idempotencyKey });
    if (options.json === true) return output.json(created);
    return output.print(printable(`${created.name} v${created.current_version} created`));
  }
  const message = options.message ?? reasonOf("policies apply");
  const params = { policy_id: known.id };
  const version = await client.policyVersionCreate(
    { params, body: { document, message } },
    { idempotencyKey },
  );
  if (options.json === true) return output.json(version);
  return output.print(printable(`${known.name} v${version.version} saved; runs use it from the next one on`));
}

async function compare(context: Context, wanted: string, options: CompareOptions): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  if ((options.version === undefined) === (options.file === undefined))
    throw new CliError("Say with what to compare: --version N or --file FILE.", { exitCode: EXIT.usage });
  const policy = await findPolicy(client, wanted);
  const candidate =
    options.version === undefined
      ? { document: (await readPolicyFile(options.file ?? "-")) as Policy["current"] }
      : { version: options.version };
  const params = { policy_id: policy.id };
  const body = {
    candidate,
    ...(options.base === undefined ? {} : { base_version: options.base }),
    ...(options.days === undefined ? {} : { days: options.days }),
    ...(options.runs === undefined ? {} : { runs_max: options.runs }),
  };
  let comparison = await client.policyCompare({ params, body }, { idempotencyKey: randomUUID() });
  while (comparison.state === "waiting" || comparison.state === "running") {
    await sleep(COMPARISON_POLL_MS);
    comparison = await client.policyComparisonRead({ params: { ...params, comparison_id: comparison.id } });
  }
  if (comparison.state === "failed") context.exitCode = EXIT.failed;
  if (options.json === true) return output.json(comparison);
  return printComparison(api, comparison);
}

function printComparison({ output }: Api, { summary, runs, error, base, candidate }: PolicyComparison): void {
  if (summary === null) return output.print(printable(error ?? "There is no result."));
  output.print(output.style("bold", printable(summary.sentence)));
  output.print(printable(`${base.label} → ${candidate.label}`));
  const differing = runs.filter(({ verdict }) => verdict !== "same");
  if (differing.length === 0) return undefined;
  output.print("");
  return output.table<ComparedRun>(
    [
      { title: "RUN", value: ({ run_id: id }) => shortId(id) },
      { title: "NAME", value: ({ run_name: name }) => name, shrinkTo: 8 },
      { title: "ENDED", value: ({ state }) => state },
      { title: "VERDICT", value: ({ verdict }) => verdict.replaceAll("_", " ") },
      { title: "BEFORE", value: ({ base_action: action }) => action ?? "-" },
      { title: "AFTER", value: ({ candidate_action: action }) => action ?? "-" },
      {
        title: "SAVED",
        align: "right",
        value: ({ saved_ms: ms }) => (ms === null ? "-" : formatDuration(ms)),
      },
      { title: "COST", align: "right", value: ({ cost_ms: ms }) => (ms === null ? "-" : formatDuration(ms)) },
    ],
    differing,
  );
}

/** `name`, `name@3`, an id, or a part of one. */
export async function findVersion(
  client: Client,
  wanted: string,
): Promise<{ policy: Policy; version: PolicyVersion }> {
  const [, name = "", number] = /^(.*?)(?:@v?(\d+))?$/.exec(wanted) ?? [];
  const policy = await findPolicy(client, name);
  const params = { policy_id: policy.id };
  const { items } = await listUpTo((query) => client.policyVersionList({ params, query }), VERSIONS_MAX);
  const sought = number === undefined ? policy.current_version : Number(number);
  const version = items.find((each) => each.version === sought);
  if (version !== undefined) return { policy, version };
  throw new CliError(`The policy ${policy.name} has no version ${sought}.`, {
    exitCode: EXIT.notFound,
    advice: `It has ${items.length}, the newest is ${policy.current_version}.`,
  });
}

function parseVersion(text: string): number {
  const value = Number(text.replace(/^v/, ""));
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError("Versions count from 1.");
  return value;
}
