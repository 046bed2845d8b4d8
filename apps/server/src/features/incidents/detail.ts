import { endWords, interventionWords, isTerminal, type IncidentDetail } from "@flowplane/contract";
import { canonicalJson } from "@flowplane/detection";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { readRunLog } from "../runs/logs/read.ts";
import { shownEvidence } from "./evidence.ts";
import { foldedLines } from "./folded-lines.ts";
import { findOrRefuse } from "./incidents.ts";
import {
  findComparedRun,
  findEarlierRun,
  findFollowers,
  listIncidents,
  type ComparedRun,
  type IncidentRow,
} from "./store.ts";
import { AFTER_MAX } from "./limits.ts";
import { incidentOf } from "./view.ts";

type Happening = IncidentDetail["before"][number];

/** One incident with what convinced the detector, what had changed before, and what came of it. */
export async function readIncident(ctx: Ctx, id: string): Promise<IncidentDetail> {
  const { row, before, after } = await inTransaction(ctx, async (ctx) => {
    const row = await findOrRefuse(ctx, id);
    return { row, before: await whatChanged(ctx, row), after: await whatCame(ctx, row) };
  });
  const evidence = shownEvidence(row.evidence);
  const log = await readRunLog(ctx, row.run_id);
  return {
    ...incidentOf(row, ctx.now()),
    evidence,
    lines: await foldedLines(ctx, row.run_id, evidence.lines, log.log_stored_seq),
    before,
    after,
  };
}

/** How the run differs from the one before it, and from the last one that went well. */
async function whatChanged(ctx: Tx, incident: IncidentRow): Promise<Happening[]> {
  const run = await findComparedRun(ctx.db, incident.run_id);
  if (run === undefined) return [];
  const previous = await findEarlierRun(ctx.db, run, false);
  const good = previous?.state === "SUCCEEDED" ? previous : await findEarlierRun(ctx.db, run, true);
  const found: Happening[] = [];
  if (good === undefined)
    found.push({
      at: timestamp(run.created_at),
      what: "No earlier run of it is known to have succeeded",
      detail: null,
    });
  else
    found.push({
      at: timestamp(good.ended_at ?? good.created_at),
      what: "The last good run ended",
      detail: `${good.id} on ${good.agent_name ?? "an agent"}`,
    });
  if (previous !== undefined && previous.id !== good?.id)
    found.push({
      at: timestamp(previous.ended_at ?? previous.created_at),
      what: `The run before it ${endWords(previous)}`,
      detail: previous.id,
    });
  const than = good ?? previous;
  if (than !== undefined)
    for (const [what, detail] of differences(than, run))
      found.push({ at: timestamp(run.created_at), what, detail });
  if (run.started_at !== null)
    found.push({
      at: timestamp(run.started_at),
      what: `This run started, attempt ${run.attempt}`,
      detail: null,
    });
  return found.toSorted(byTime);
}

function differences(old: ComparedRun, run: ComparedRun): [string, string][] {
  const fields: [string, (of: ComparedRun) => unknown][] = [
    ["Its command changed", ({ command }) => command],
    ["Its arguments changed", ({ args }) => args],
    ["Its folder changed", ({ cwd }) => cwd],
    ["Its variables changed (names)", ({ env_names }) => env_names],
    ["It runs as another user", ({ run_as_user }) => run_as_user],
    ["Its limits changed", ({ resource_policy }) => resource_policy],
    ["It runs on another agent", ({ agent_name }) => agent_name],
    [
      "Its detection policy changed",
      ({ policy_name, policy_version, policy_mode }) =>
        policy_name === null ? null : `${policy_name} version ${policy_version}, ${policy_mode}`,
    ],
  ];
  return fields.flatMap(([what, of]): [string, string][] => {
    const [was, is] = [shown(of(old)), shown(of(run))];
    return was === is ? [] : [[what, `from ${was} to ${is}`]];
  });
}

const SHOWN_CHARS_MAX = 500;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : value == null ? "none" : canonicalJson(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX - 1)}…` : text;
}

/** What was done about it, how the run went on, and what followed it. */
async function whatCame(ctx: Tx, incident: IncidentRow): Promise<Happening[]> {
  const found: Happening[] = incident.interventions.map((made) => ({
    at: made.at,
    what: sentence(interventionWords(made, ctx.now())),
    detail: made.run_id === null ? (made.why === "" ? null : made.why) : `as run ${made.run_id}`,
  }));
  const run = await findComparedRun(ctx.db, incident.run_id);
  if (run !== undefined && isTerminal(run.state) && run.ended_at !== null)
    found.push({ at: timestamp(run.ended_at), what: `The run ${endWords(run)}`, detail: null });
  for (const next of await findFollowers(ctx.db, incident.run_id)) {
    const kind = { retry: "Retried", intervention: "Started anew by its policy" }[String(next.origin)];
    found.push({ at: timestamp(next.created_at), what: kind ?? "Started anew", detail: `as run ${next.id}` });
    if (isTerminal(next.state) && next.ended_at !== null)
      found.push({ at: timestamp(next.ended_at), what: `That run ${endWords(next)}`, detail: next.id });
  }
  const others = await listIncidents(
    ctx.db,
    ctx.actor.organization_id,
    { run_id: incident.run_id },
    undefined,
    AFTER_MAX,
  );
  for (const other of others)
    if (other.id !== incident.id && other.opened_at >= incident.opened_at)
      found.push({
        at: timestamp(other.opened_at),
        what: `Another incident: ${other.title}`,
        detail: other.id,
      });
  if (incident.closed_at !== null)
    found.push({
      at: timestamp(incident.closed_at),
      what: "The incident was closed",
      detail: incident.closed_because,
    });
  if (incident.feedback !== null)
    found.push({
      at: incident.feedback.at,
      what: `${incident.feedback.actor.name} said that the detector was ${incident.feedback.verdict}`,
      detail: incident.feedback.note,
    });
  return found.toSorted(byTime).slice(0, AFTER_MAX);
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function byTime(a: Happening, b: Happening): number {
  return a.at < b.at ? -1 : a.at > b.at ? 1 : 0;
}
