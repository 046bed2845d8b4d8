import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { AuditEvent } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, plainCommand, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { shortId } from "../format.ts";
import { parseCount } from "../input.ts";
import { listUpTo } from "../listing.ts";

const EVENTS_SHOWN = 50;

export function declareAudit(program: Command, context: Context): void {
  const audit = plainCommand(program, "audit", "Read the audit log and prove that nobody changed it");
  apiCommand(
    audit,
    "verify",
    "Recompute the hash chain; exits with 1 when an event was edited, removed or reordered",
  ).action((options: ApiOptions) => verify(context, options));
  apiCommand(audit, "list", "List audit events, newest first")
    .option("--action <name>", "only this action, such as run.stop")
    .option("--target <id>", "only what was done to this")
    .option("--limit <n>", `at most so many (default: ${EVENTS_SHOWN})`, parseCount)
    .action((options: ListOptions) => list(context, options));
  apiCommand(audit, "export", "Write all audit events as JSON Lines, oldest first")
    .option("-o, --output <file>", "to a file instead of stdout; never over one that is there")
    .action((options: ApiOptions & { output?: string }) => exportAll(context, options));
}

interface ListOptions extends ApiOptions {
  action?: string;
  target?: string;
  limit?: number;
}

async function verify(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const verdict = await client.auditVerify({});
  if (!verdict.intact) context.exitCode = EXIT.failed;
  if (options.json === true) return output.json(verdict);
  if (verdict.intact) {
    output.print(
      `${output.style("green", "Intact")}: ${verdict.checked} audit events, each follows from the one before.`,
    );
    output.print(`Head ${verdict.head}`);
    return;
  }
  const where = verdict.problem === null ? "" : ` at event ${verdict.problem.seq}: ${verdict.problem.what}`;
  output.print(`${output.style("red", "Broken")}${where}`);
}

async function list(context: Context, options: ListOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const filter = {
    ...(options.action === undefined ? {} : { action: options.action }),
    ...(options.target === undefined ? {} : { target_id: options.target }),
  };
  const max = options.limit ?? EVENTS_SHOWN;
  const { items } = await listUpTo((page) => client.auditList({ query: { ...filter, ...page } }), max);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No audit events.");
  output.table<AuditEvent>(
    [
      { title: "SEQ", align: "right", value: (event) => String(event.seq) },
      { title: "AT", value: (event) => event.at },
      { title: "WHO", value: (event) => event.actor.name || event.actor.type, shrinkTo: 10 },
      { title: "ACTION", value: (event) => event.action },
      { title: "TARGET", value: (event) => `${event.target_type} ${shortId(event.target_id)}`, shrinkTo: 12 },
      { title: "REASON", value: (event) => event.reason ?? "-", shrinkTo: 12 },
    ],
    items,
  );
}

/** The export is JSON Lines with and without `--json`. */
async function exportAll(context: Context, options: ApiOptions & { output?: string }): Promise<void> {
  const { options: clientOptions, output } = await openApi(context, options);
  const { routes, ApiError, problemOf, request } = await import("@flowplane/contract/light");
  const response = await request(
    clientOptions,
    routes.auditExport,
    {},
    { headers: { accept: "application/x-ndjson" } },
  );
  if (!response.ok) throw new ApiError(await problemOf(response));
  const body = Readable.fromWeb(
    response.body ?? new ReadableStream({ start: (controller) => controller.close() }),
  );
  if (options.output !== undefined) {
    await pipeline(body, createWriteStream(options.output, { flags: "wx", mode: 0o600 }));
    return output.note(`Written to ${options.output}.`);
  }
  for await (const chunk of body as AsyncIterable<Uint8Array>) await output.write("stdout", chunk);
}
