import type { Client, Incident, IncidentDetail } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type Api,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findRun } from "../find.ts";
import { formatWhen, shortId } from "../format.ts";
import { parseCount, parseDurationMs } from "../input.ts";
import { isWholeId, listUpTo, matchesId, theOnly } from "../listing.ts";
import type { Style } from "../output.ts";
import { reasonOf } from "../reasons.ts";
import { printable } from "../text-width.ts";

const INCIDENTS_MAX = 10_000;
const LISTED_DEFAULT = 50;

const SEVERITY_STYLES = { info: "blue", warning: "yellow", critical: "red" } as const satisfies Record<
  Incident["severity"],
  Style
>;

interface ListOptions extends ApiOptions {
  run?: string;
  state?: Incident["state"];
  category?: string;
  since?: number;
  limit?: number;
}

const ARGUMENT = "id, a part of one, or - for the newest";

export function declareIncidents(program: Command, context: Context): void {
  const incidents = plainCommand(
    program,
    "incidents",
    "See what went wrong with runs, and say whether it did",
  );
  const list = defaultCommand(incidents, "ls", "List incidents, newest first")
    .alias("list")
    .option("--run <run>", "only of this run")
    .option("--category <name>", "only of this kind, such as loop or stall")
    .option("--since <duration>", "only those of the last 24h, 7d …", parseDurationMs)
    .option("--limit <n>", `at most so many (default: ${LISTED_DEFAULT})`, parseCount)
    .action((options: ListOptions) => listIncidents(context, options));
  list.addOption(
    list.createOption("--state <state>", "only in this state").choices(["open", "acknowledged", "closed"]),
  );
  apiCommand(incidents, "show", "Show one incident: what was seen, the lines, what was done")
    .argument("<incident>", ARGUMENT)
    .action((wanted: string, options: ApiOptions) => showIncident(context, wanted, options));
  apiCommand(incidents, "ack", "Say that you look after incidents")
    .argument("<incident...>", ARGUMENT)
    .action((wanted: string[], options: ApiOptions) =>
      change(context, wanted, options, "acknowledged", (client, params) =>
        client.incidentAcknowledge({ params }),
      ),
    );
  apiCommand(incidents, "close", "Close incidents")
    .argument("<incident...>", ARGUMENT)
    .option("-r, --reason <text>", "why")
    .action((wanted: string[], options: ApiOptions & { reason?: string }) => {
      const reason = options.reason ?? reasonOf("incidents close");
      return change(context, wanted, options, "closed", (client, params) =>
        client.incidentClose({ params, body: { reason } }),
      );
    });
  const feedback = apiCommand(
    incidents,
    "feedback",
    "Say whether the detector was right; policies learn from it",
  )
    .argument("<incident>", ARGUMENT)
    .option("-m, --note <text>", "what was right or wrong about it");
  feedback.addArgument(feedback.createArgument("<verdict>", "right or wrong").choices(["right", "wrong"]));
  feedback.action((wanted: string, verdict: "right" | "wrong", options: ApiOptions & { note?: string }) => {
    const body = { verdict, ...(options.note === undefined ? {} : { note: options.note }) };
    return change(context, [wanted], options, `noted as ${verdict}`, (client, params) =>
      client.incidentFeedback({ params, body }),
    );
  });
}

async function listIncidents(context: Context, options: ListOptions): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const run = options.run === undefined ? null : await findRun(client, options.run);
  const since =
    options.since === undefined ? undefined : new Date(context.now() - options.since).toISOString();
  const filter = {
    ...(run === null ? {} : { run_id: run.id }),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.category === undefined ? {} : { category: options.category }),
    ...(since === undefined ? {} : { since }),
  };
  const { items, more } = await listUpTo(
    (page) => client.incidentList({ query: { ...filter, ...page } }),
    options.limit ?? LISTED_DEFAULT,
  );
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No incidents.");
  output.table<Incident>(
    [
      { title: "ID", value: ({ id }) => shortId(id) },
      {
        title: "SEVERITY",
        value: ({ severity }) => severity,
        paint: (cell, { severity }) => output.style(SEVERITY_STYLES[severity], cell),
      },
      { title: "STATE", value: ({ state }) => state },
      { title: "CATEGORY", value: ({ category }) => category },
      { title: "OPENED", value: ({ opened_at }) => formatWhen(opened_at, context.now()) },
      { title: "RUN", value: ({ run_id }) => shortId(run_id) },
      { title: "DONE", value: doneWords },
      { title: "WHAT", value: ({ title }) => title, shrinkTo: 16 },
    ],
    items,
  );
  if (more) output.note(`There are more; --limit shows them.`);
}

async function showIncident(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const { id } = await findIncident(client, wanted);
  const incident = await client.incidentRead({ params: { incident_id: id } });
  if (options.json === true) return output.json(incident);
  return print(api, incident, context.now());
}

function print({ output }: Api, incident: IncidentDetail, now: number): void {
  const line = (text: string) => output.print(printable(text));
  output.print(output.style("bold", printable(incident.sentence)));
  line("");
  line(`incident   ${incident.id}`);
  line(`run        ${incident.run_id} (${incident.run_name}) on ${incident.agent_name}`);
  line(`state      ${incident.state}, ${incident.severity}, opened ${formatWhen(incident.opened_at, now)}`);
  line(`category   ${incident.category}, score ${incident.score} of 100`);
  if (incident.policy !== null)
    line(`policy     ${incident.policy.name} v${incident.policy.version}, ${incident.policy.mode}`);
  for (const { action, outcome, why, run_id: next } of incident.interventions)
    line(
      `${action.padEnd(10)} ${outcome.replace("_", " ")}: ${why}${next === null ? "" : ` → run ${shortId(next)}`}`,
    );
  if (incident.feedback !== null)
    line(
      `feedback   ${incident.feedback.verdict}, by ${incident.feedback.actor.name}${incident.feedback.note === null ? "" : `: ${incident.feedback.note}`}`,
    );
  if (incident.evidence.families.length > 0) {
    line("");
    for (const { family, value, threshold, unit } of incident.evidence.families)
      line(`  ${family}: ${value} ${unit} (threshold ${threshold})`.trimEnd());
  }
  if (incident.lines.length > 0) line("");
  for (const { text, count, first } of incident.lines)
    line(`  ${String(count).padStart(6)} × line ${first.seq}: ${text}`);
  if (incident.after.length > 0) line("");
  for (const { at, what, detail } of incident.after)
    line(`  ${at} ${what}${detail === null ? "" : `: ${detail}`}`);
}

async function change(
  context: Context,
  wanted: readonly string[],
  options: ApiOptions,
  word: string,
  call: (client: Client, params: { incident_id: string }) => Promise<Incident>,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const changed: Incident[] = [];
  for (const each of wanted) {
    const { id } = await findIncident(client, each);
    changed.push(await call(client, { incident_id: id }));
    if (options.json !== true) output.print(`${shortId(id)} ${word}`);
  }
  if (options.json === true) output.json(changed);
}

/** The incident somebody means: an id, a part of one, or `-` for the newest. */
async function findIncident(client: Client, wanted: string): Promise<{ id: string }> {
  if (isWholeId(wanted)) return { id: wanted.toLowerCase() };
  if (wanted === "-" || wanted === "@last") {
    const { items } = await client.incidentList({ query: { limit: 1 } });
    if (items[0] !== undefined) return items[0];
    throw new CliError("There is no incident yet.", { exitCode: EXIT.notFound });
  }
  const { items } = await listUpTo((query) => client.incidentList({ query }), INCIDENTS_MAX);
  return theOnly(
    items.filter(({ id }) => matchesId(id, wanted)),
    "incident",
    wanted,
    ({ id, title }) => `${shortId(id)} (${title})`,
  );
}

function doneWords({ interventions }: Incident): string {
  const last = interventions.at(-1);
  return last === undefined ? "-" : `${last.action} ${last.outcome.replace("_", " ")}`;
}
