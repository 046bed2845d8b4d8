import { drift, readConfig } from "@flowplane/collector-config";
import type { AgentConfiguration, ConfigurationAttempt, DeliveryState, Waiting } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { nameOfConfiguration, problemOf } from "../configurations/shown.ts";
import { readReportedConfig } from "../fleet/components.ts";
import { effectiveOf, readClients } from "./clients.ts";
import type { Composed } from "./compose.ts";
import { readDeliveries, retryDelivery, type Delivery } from "./delivery.ts";
import { composeAssigned } from "./fetch.ts";
import { deliveryState } from "./state.ts";
import { countPlaces, findAssignment, listAttempts, type AssignmentRow, type AttemptRow } from "./store.ts";

/** What an agent should run, what it was offered and what it says it runs, and why not where it is otherwise. */
export async function readAgentConfiguration(ctx: Ctx, agentId: string): Promise<AgentConfiguration> {
  return inTransaction(ctx, async (ctx) => {
    const client = isUuid(agentId) ? (await readClients(ctx.db, [agentId])).get(agentId) : undefined;
    if (client === undefined) throw notFound("agent", agentId);
    const { profile } = client;
    const report = await readReportedConfig(ctx, agentId);
    const assignment = await findAssignment(ctx.db, agentId);
    const delivery = (await readDeliveries(ctx.db, [agentId], ctx.now())).get(agentId);
    const attempts = await listAttempts(ctx.db, agentId);
    const composed = assignment === undefined ? undefined : await composeAssigned(ctx, assignment);
    const name = await nameOf(ctx, assignment);
    const held = heldReason(assignment, delivery, profile.whyNot);
    const state: DeliveryState =
      assignment === undefined ? "none" : deliveryState(delivery?.status ?? null, held);
    const what = assignment?.configuration_id == null ? null : `version ${assignment.version} of ${name}`;
    return {
      state,
      sentence: sentenceOf(state, what, {
        delivery,
        held,
        whyNot: profile.whyNot,
        isAssigned: assignment !== undefined,
      }),
      waiting: waitingOf(state, delivery, held),
      assigned:
        assignment?.configuration_id == null || assignment.version === null
          ? null
          : {
              configuration_id: assignment.configuration_id,
              configuration_name: name,
              version: assignment.version,
              rollout_id: assignment.rollout_id,
              assigned_at: timestamp(assignment.assigned_at),
              hash: assignment.offer_hash,
              inputs_changed:
                state === "in_sync" && composed?.ok === true && composed.hash !== assignment.offer_hash,
            },
      offered:
        composed?.ok === true
          ? composed.rendering.offer.entries.map((entry) => ({
              name: entry.name,
              content_type: entry.contentType,
              body: composed.shown,
            }))
          : [],
      effective: report.entries.map((entry) => ({ ...entry })),
      effective_at: timestamp(report.at),
      drift: driftOf(assignment, composed, report.entries),
      profile: {
        name: profile.name,
        configurable: profile.configurable,
        notes: [...(profile.whyNot === null ? [] : [profile.whyNot]), ...profile.notes],
      },
      problems: composed?.ok === true ? composed.problems.map(problemOf) : [],
      attempts: attempts.map(attemptOf),
    };
  });
}

/** Where a configuration runs: agents by version, and how far it has come there. */
export async function readPlaces(ctx: Ctx, configurationId: string) {
  return inTransaction(ctx, async (ctx) => {
    if (!isUuid(configurationId) || (await nameOfConfiguration(ctx.db, configurationId)) === undefined)
      throw notFound("configuration", configurationId);
    const byVersion = Map.groupBy(await countPlaces(ctx.db, configurationId), ({ version }) => version);
    return {
      items: [...byVersion].map(([version, rows]) => ({
        version,
        agents: rows.reduce((sum, { agents }) => sum + agents, 0),
        states: Object.fromEntries([
          ...NO_STATES,
          ...rows.map(({ state, agents }) => [state, agents] as const),
        ]) as Record<DeliveryState, number>,
      })),
    };
  });
}

const NO_STATES = (
  ["none", "waiting", "offered", "applying", "in_sync", "failed", "held"] satisfies DeliveryState[]
).map((state) => [state, 0] as const);

/** Tries once more what an agent refused. */
export async function retryAgentConfiguration(
  ctx: Ctx,
  agentId: string,
  reason: string,
): Promise<AgentConfiguration> {
  await inTransaction(ctx, async (ctx) => {
    if (!isUuid(agentId) || !(await readClients(ctx.db, [agentId])).has(agentId))
      throw notFound("agent", agentId);
    const tried = await retryDelivery(ctx, [agentId]);
    if (tried.length === 0)
      throw new AppError(
        "conflict",
        "Only what the agent refused can be tried again. GET the agent's configuration to see where it stands.",
      );
    record(ctx, { action: "configuration.retry", target_type: "agent", target_id: agentId, reason });
  });
  return readAgentConfiguration(ctx, agentId);
}

async function nameOf(ctx: Tx, assignment: AssignmentRow | undefined): Promise<string> {
  if (assignment?.configuration_id == null) return "";
  return (await nameOfConfiguration(ctx.db, assignment.configuration_id)) ?? "";
}

/** What keeps the content from going out; what the agent has already is not held any more. */
function heldReason(
  assignment: AssignmentRow | undefined,
  delivery: Delivery | undefined,
  whyNot: string | null,
): string | null {
  if (assignment === undefined || delivery?.status === "applied") return null;
  return assignment.held_reason ?? (delivery?.status === "waiting" ? whyNot : null);
}

function sentenceOf(
  state: DeliveryState,
  what: string | null,
  more: { delivery: Delivery | undefined; held: string | null; whyNot: string | null; isAssigned: boolean },
): string {
  const { delivery, held, whyNot, isAssigned } = more;
  const thing = what ?? "the removal of our configuration";
  switch (state) {
    case "none":
      return whyNot === null || isAssigned ? "No configuration is assigned to it." : firstLine(whyNot);
    case "waiting":
      return delivery?.reachable === true
        ? `It is offered ${thing} with the next message.`
        : `It is not connected; it gets ${thing} when it comes back.`;
    case "offered":
      return `It was sent ${thing} and has not answered yet.`;
    case "applying":
      return `It is applying ${thing}.`;
    case "in_sync":
      return what === null ? "Nothing of ours is left on it." : `It says it runs ${what}.`;
    case "failed":
      return delivery?.status === "rolled_itself_back"
        ? `It could not run ${thing} and went back by itself: ${delivery.error_message || "no reason given"}`
        : `It refused ${thing}: ${delivery?.error_message || "no reason given"}`;
    case "held":
      return `It is not sent ${thing}: ${firstLine(held ?? "")}`;
  }
}

function waitingOf(
  state: DeliveryState,
  delivery: Delivery | undefined,
  held: string | null,
): Waiting | null {
  if (delivery === undefined) return null;
  const since = timestamp(delivery.status_at);
  switch (state) {
    case "waiting":
      return { for: delivery.reachable ? "its next message" : "its return", since, deadline: null };
    case "offered":
    case "applying":
      return { for: "its answer", since, deadline: null };
    case "held":
      return { for: firstLine(held ?? ""), since, deadline: null };
    case "none":
    case "in_sync":
    case "failed":
      return null;
  }
}

function driftOf(
  assignment: AssignmentRow | undefined,
  composed: Composed | undefined,
  entries: readonly { name: string; body: string }[],
): AgentConfiguration["drift"] {
  if (assignment?.configuration_id == null || composed?.ok !== true) return null;
  const [{ read }, effective] = [readConfig(composed.shown), effectiveOf(entries)];
  return read === null || effective === null ? null : drift(read.value, effective);
}

function attemptOf(row: AttemptRow): ConfigurationAttempt {
  return {
    hash: row.offer_hash,
    configuration_id: row.configuration_id,
    version: row.version,
    rollout_id: row.rollout_id,
    offered_at: timestamp(row.offered_at),
    status: row.status,
    status_at: timestamp(row.status_at),
    error_message: row.error_message,
    rolled_back_to: row.rolled_back_to,
  };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
