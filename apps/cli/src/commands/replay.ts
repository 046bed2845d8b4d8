import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReplayResult } from "@flowplane/contract";
import type { Policy } from "@flowplane/detection";
import type { Command } from "commander";
import { apiCommand, openApi, type ApiOptions, type Context } from "../context.ts";
import { replayFile } from "../evidence-file.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findRun } from "../find.ts";
import type { Output } from "../output.ts";
import { printable } from "../text-width.ts";
import { isPolicyFile, readPolicyFile } from "../policy-file.ts";
import { findVersion } from "./policies.ts";

interface ReplayOptions extends ApiOptions {
  policy?: string;
  file?: string;
}

export function declareReplay(program: Command, context: Context): void {
  apiCommand(
    program,
    "replay",
    "Repeat every decision about a run from its evidence, and say whether they are the same",
  )
    .argument("[run]", "id, a part of one, or - for the newest; not with --file")
    .option("--policy <policy>", "what this policy would have done: a file, a name or name@version")
    .option("--file <evidence>", "from a file that `flowplane evidence` made; needs nothing else")
    .addHelpText(
      "after",
      `
Exits with 0 when every decision is the same again, byte for byte (with --policy: when it could be repeated),
7 when one is not, and 8 when the evidence was changed after the agent wrote it.`,
    )
    .action((wanted: string | undefined, options: ReplayOptions) => replay(context, wanted, options));
  apiCommand(
    program,
    "evidence",
    "Save what the decisions about a run were made of, for `flowplane replay --file`",
  )
    .argument("<run>", "id, a part of one, or - for the newest")
    .option("-o, --output <file>", "where to; - is stdout", "-")
    .action((wanted: string, options: ApiOptions & { output: string }) => save(context, wanted, options));
}

async function replay(context: Context, wanted: string | undefined, options: ReplayOptions): Promise<void> {
  if ((wanted === undefined) === (options.file === undefined))
    throw new CliError("Say what to replay: a run, or --file FILE.", { exitCode: EXIT.usage });
  const result =
    options.file === undefined
      ? await askForReplay(context, wanted ?? "-", options)
      : await replayHere(context, options.file, options);
  context.exitCode = exitCodeOf(result);
  if (options.json === true) context.output.json(result);
  else print(context.output, result);
}

async function askForReplay(context: Context, wanted: string, options: ReplayOptions): Promise<ReplayResult> {
  const { client } = await openApi(context, options);
  const run = await findRun(client, wanted);
  const params = { run_id: run.id };
  if (options.policy === undefined) return client.runReplay({ params, body: {} });
  if (isPolicyFile(options.policy)) {
    const document = (await readPolicyFile(options.policy)) as Policy;
    return client.runReplay({ params, body: { policy_document: toBody(document) } });
  }
  const { policy, version } = await findVersion(client, options.policy);
  return client.runReplay({ params, body: { policy: { policy_id: policy.id, version: version.version } } });
}

type PolicyBody = NonNullable<NonNullable<ReplayBody>["policy_document"]>;
type ReplayBody = Parameters<Awaited<ReturnType<typeof openApi>>["client"]["runReplay"]>[0]["body"];

/** The other side judges what is in it. */
function toBody(document: Policy): PolicyBody {
  return document as PolicyBody;
}

async function replayHere(context: Context, file: string, options: ReplayOptions): Promise<ReplayResult> {
  const policy =
    options.policy === undefined ? undefined : await readPolicy(context, options.policy, options);
  const { runId, report } = await replayFile(file, policy);
  return {
    run_id: runId,
    equal: report.equal,
    intact: report.intact,
    problem: report.problem,
    events: report.events,
    decisions: report.decisions.map(({ at, why: _why, ...decision }) => ({
      ...decision,
      at: new Date(at).toISOString(),
    })),
    sentence: report.sentence,
  };
}

async function readPolicy(context: Context, wanted: string, options: ReplayOptions): Promise<Policy> {
  if (!isPolicyFile(wanted)) {
    const { client } = await openApi(context, options);
    return (await findVersion(client, wanted)).version.document;
  }
  const { PolicyDocument } = await import("@flowplane/contract");
  const parsed = PolicyDocument.safeParse(await readPolicyFile(wanted));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CliError(`${wanted} is no policy: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`, {
    exitCode: EXIT.usage,
  });
}

function exitCodeOf({ intact, equal, problem }: ReplayResult): number {
  if (!intact) return EXIT.tampered;
  if (equal === false) return EXIT.notEqual;
  return equal === null && problem !== null ? EXIT.notEqual : EXIT.ok;
}

function print(output: Output, result: ReplayResult): void {
  output.print(printable(result.sentence));
  if (result.problem !== null && !result.sentence.includes(result.problem))
    output.print(printable(result.problem));
  if (result.decisions.length === 0) return;
  output.print("");
  output.table<ReplayResult["decisions"][number]>(
    [
      { title: "AT", value: ({ at }) => at },
      { title: "LINE", align: "right", value: ({ line }) => String(line) },
      { title: "DECISION", value: ({ kind }) => kind },
      { title: "CATEGORY", value: ({ category }) => category },
      { title: "SCORE", align: "right", value: ({ score }) => String(score) },
      { title: "ACTION", value: ({ action }) => action ?? "-" },
      { title: "OUTCOME", value: ({ outcome }) => outcome ?? "-" },
      { title: "RECORDED", value: ({ recorded }) => (recorded ? "yes" : "no") },
      { title: "REPLAYED", value: ({ replayed }) => (replayed ? "yes" : "no") },
    ],
    result.decisions,
  );
}

async function save(
  context: Context,
  wanted: string,
  options: ApiOptions & { output: string },
): Promise<void> {
  const api = await openApi(context, options);
  const { routes, request, ApiError, problemOf } = await import("@flowplane/contract/light");
  const run = await findRun(api.client, wanted);
  const answer = await request(api.options, routes.runEvidenceDownload, { params: { run_id: run.id } });
  if (!answer.ok) throw new ApiError(await problemOf(answer));
  if (answer.body === null) throw new CliError("The answer has no content.");
  const body = Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]);
  if (options.output === "-") {
    for await (const chunk of body as AsyncIterable<Buffer>) await api.output.write("stdout", chunk);
    return;
  }
  // Whole or not at all: half of it would look like evidence that was cut.
  const draft = `${options.output}.${process.pid}`;
  try {
    await pipeline(body, createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, options.output);
  } finally {
    await rm(draft, { force: true });
  }
}
