import { parseEvent, TEXT_CHARS_MAX, type LinkEvent } from "@flowplane/link";
import type { Tx } from "../../platform/context.ts";
import { isUuid } from "../../platform/ids.ts";
import { agentActor, type AgentIdentity } from "../gateway/agent-http.ts";
import { addIntent } from "../gateway/intents.ts";
import { agentMadeRow, agentMadeTitle, type AgentMade } from "./agent-made.ts";
import { plausible, stopWait } from "./report.ts";
import { storableText } from "./sanitize.ts";
import { stopPayload } from "./stop-order.ts";
import { findJobRunsMax, insertAgentMade, updateRun, type NewRunEventRow, type RunRow } from "./store.ts";
import { timelineRow } from "./timeline.ts";
import { transition } from "./transitions.ts";

/** The run an event says the agent made, by the id of the run it follows; nothing of it is checked. */
export function previousIdOf(event: LinkEvent): string | null {
  const id = event.type === "run.created" ? event.payload["retry_of"] : null;
  return typeof id === "string" && isUuid(id) ? id.toLowerCase() : null;
}

export interface Adopted {
  readonly run: RunRow;
  readonly timeline: readonly NewRunEventRow[];
  /** What changes in the run it follows. */
  readonly previousPatch: { readonly retry_at: null };
}

/**
 * Takes in a run that an agent made by itself. Undefined, with a line in our log, when what it says cannot be: an id that is
 * another run's already, or nothing that a run could be made of.
 */
export async function adoptRun(
  ctx: Tx,
  identity: AgentIdentity,
  id: string,
  event: LinkEvent,
  known: ReadonlyMap<string, RunRow>,
): Promise<Adopted | undefined> {
  const parsed = parseEvent(event);
  if (!parsed.ok || parsed.value.type !== "run.created") {
    ctx.log.warn(
      { agent_id: identity.agent_id, run_id: id, seq: event.seq },
      "a run made by an agent, not understood",
    );
    return undefined;
  }
  const created = parsed.value.payload;
  const previous = known.get(previousIdOf(event) ?? "");
  const made: AgentMade = {
    id,
    created,
    previous,
    jobId: await jobOf(ctx, created.job_id),
    at: plausible(created.created_at, previous?.created_at.getTime() ?? 0, ctx.now()),
  };
  const run = await insertAgentMade(ctx.db, agentMadeRow(identity, made));
  if (run === undefined) {
    ctx.log.warn(
      { agent_id: identity.agent_id, run_id: id },
      "a run made by an agent has the id of another one",
    );
    return undefined;
  }
  const actor = agentActor(identity);
  const reason = created.reason === null ? null : storableText(created.reason, TEXT_CHARS_MAX);
  const timeline = [
    timelineRow(ctx, id, actor, {
      type: "run.created",
      title: agentMadeTitle(made),
      reason,
      payload: { origin: created.origin, ...(previous === undefined ? {} : { retry_of: previous.id }) },
      at: made.at,
    }),
  ];
  if (previous !== undefined)
    timeline.push(
      timelineRow(ctx, previous.id, actor, {
        type: "run.followed",
        title: created.origin === "local" ? "Started again on its host" : `Attempt ${run.attempt} follows`,
        reason,
        payload: { run_id: id },
        at: made.at,
      }),
    );
  return { run: await stopUnwanted(ctx, run, previous), timeline, previousPatch: { retry_at: null } };
}

/** Somebody wanted the run before to end: its agent made the next attempt before it knew, and that one has to end too. */
async function stopUnwanted(ctx: Tx, run: RunRow, previous: RunRow | undefined): Promise<RunRow> {
  const wish = previous?.stop ?? null;
  if (wish === null || run.origin === "local" || run.agent_id === null) return run;
  const step = transition(run, "stop");
  if (step.kind !== "move") return run;
  await addIntent(ctx, {
    agent_id: run.agent_id,
    type: "run.stop",
    run_id: run.id,
    payload: stopPayload(run.id, wish, run.grace_ms),
  });
  const patch = { state: step.to, state_since: new Date(ctx.now()), ...stopWait(run.grace_ms, ctx.now()) };
  await updateRun(ctx.db, run.id, { ...patch, stop: JSON.stringify(wish) });
  return { ...run, ...patch, stop: wish };
}

async function jobOf(ctx: Tx, id: string | null): Promise<string | null> {
  if (id === null || !isUuid(id)) return null;
  return (await findJobRunsMax(ctx.db, id)) === undefined ? null : id;
}
