import type { Agent, AgentDetail, AgentState, ListedAgent } from "@flowplane/contract";
import { AGENT_CAPABILITY_NAMES, hasCapability, whyNot } from "@flowplane/opamp";
import { subjects } from "../../platform/bus/bus.ts";
import { inSnapshot, inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { readConnectionChanges } from "../connections/change.ts";
import { connectionSentence } from "../connections/connections.ts";
import { parseAgentQuery } from "./query.ts";
import { agentState, agentWaiting } from "./state.ts";
import { agentSentence } from "./sentence.ts";
import {
  changeAgent,
  countAgents,
  countFacets,
  deleteAgent,
  findAgent,
  findAgentForUpdate,
  findReport,
  listAgents,
  listAssigned,
  listCertificates,
  type AgentFilter,
  type AgentRow,
  type AgentSort,
} from "./store.ts";

interface FilterInput {
  readonly q?: string | undefined;
  readonly kind?: string | undefined;
  readonly state?: AgentState | undefined;
  readonly site_id?: string | undefined;
}

export interface ListInput extends FilterInput {
  readonly sort: AgentSort;
  readonly order: "asc" | "desc";
  readonly cursor?: string | undefined;
  readonly limit: number;
}

/** One page of agents. The total is counted with the first page only. */
export async function listFleet(ctx: Ctx, input: ListInput) {
  const filter = filterOf(input);
  const now = ctx.now();
  const after = cursorOf(input);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listAgents(
      ctx.db,
      { filter, sort: input.sort, order: input.order, after, limit: input.limit },
      now,
    );
    const total = after === undefined ? await countAgents(ctx.db, filter, now) : null;
    const assigned = await listAssigned(
      ctx.db,
      rows.map(({ id }) => id),
    );
    const changes = await readConnectionChanges(ctx.db, rows, now);
    const configurations = new Map(assigned.map(({ agent_id, ...one }) => [agent_id, one]));
    return pageOf(
      rows,
      input.limit,
      (row) => [row.sort_value, row.id],
      (row): ListedAgent => ({
        ...agentOf(row, now),
        configuration: configurations.get(row.id) ?? null,
        connection_change: changes.get(row.id) ?? null,
      }),
      total,
    );
  });
}

/** How many of the matching agents have each value; the facets beside the list. */
export async function readFacets(ctx: Ctx, input: FilterInput) {
  const filter = filterOf(input);
  const rows = await inTransaction(ctx, (ctx) => countFacets(ctx.db, filter, ctx.now()));
  // GROUPING() has a 0 bit for the column the row was grouped by; the first column is the highest of seven bits.
  const facet = (bit: number, value: (row: (typeof rows)[number]) => string | null) =>
    rows
      .filter((row) => row.facet === (0b1111111 & ~bit) && value(row) !== null)
      .map((row) => ({ value: value(row) ?? "", label: value(row) ?? "", count: row.count }))
      .toSorted((a, b) => b.count - a.count);
  return {
    state: facet(0b1000000, (row) => row.state),
    kind: facet(0b0100000, (row) => row.kind),
    site: facet(0b0010000, (row) => row.site),
    version: facet(0b0001000, (row) => row.version),
    os: facet(0b0000100, (row) => row.os),
    health_level: facet(0b0000010, (row) => row.health_level),
    configuration: facet(0b0000001, (row) => row.configuration),
  };
}

export async function readAgent(ctx: Ctx, id: string): Promise<AgentDetail> {
  return inSnapshot(ctx, async (ctx) => {
    const row = await findAgent(ctx.db, id);
    if (row === undefined) throw notFound("agent", id);
    const report = await findReport(ctx.db, id);
    const certificates = await listCertificates(ctx.db, id);
    const now = ctx.now();
    return {
      ...agentOf(row, now),
      sentence: [agentSentence(row, now), await connectionSentence(ctx.db, id, now)]
        .filter((sentence) => sentence !== null)
        .join(" "),
      connection_change: (await readConnectionChanges(ctx.db, [row], now)).get(id) ?? null,
      identifying_attributes: report?.identifying_attributes ?? {},
      non_identifying_attributes: report?.non_identifying_attributes ?? {},
      health: report?.health ?? null,
      capabilities: capabilitiesOf(row),
      custom_capabilities: report?.custom_capabilities ?? [],
      effective_config: report?.effective_config ?? [],
      effective_config_at: timestamp(report?.effective_config_at ?? null),
      remote_config_status: report?.remote_config_status ?? null,
      certificates: certificates.map((certificate) => ({
        serial: certificate.serial,
        fingerprint: certificate.fingerprint,
        not_before: timestamp(certificate.not_before),
        not_after: timestamp(certificate.not_after),
        revoked_at: timestamp(certificate.revoked_at),
        revoked_reason: certificate.revoked_reason,
      })),
      credential: row.credential,
      remote_address: row.remote_address,
      connected_at: timestamp(row.connected_at),
      enrolment_token_id: row.enrolment_token_id,
      revoked_reason: row.revoked_reason,
    };
  });
}

export async function renameOrLabel(
  ctx: Ctx,
  id: string,
  change: { name?: string | undefined; labels?: Record<string, string> | undefined },
) {
  return inTransaction(ctx, async (ctx) => {
    const before = await mustFindForUpdate(ctx, id);
    const given = {
      ...(change.name === undefined ? {} : { name: change.name }),
      ...(change.labels === undefined ? {} : { labels: change.labels }),
    };
    if (Object.keys(given).length === 0) return agentOf(before, ctx.now());
    const row = await changeAgent(ctx.db, id, given);
    record(ctx, { action: "agent.change", target_type: "agent", target_id: id, metadata: given });
    notify(ctx, { topic: "agent", id });
    return agentOf(row, ctx.now());
  });
}

/** Forgets an agent nobody counts on any more. A connected one is refused: revoke it first, so that it cannot come back. */
export async function forgetAgent(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const row = await mustFindForUpdate(ctx, id);
    const { state } = agentState(row, ctx.now());
    if (state === "connected" || state === "stale") {
      throw new AppError(
        "conflict",
        `The agent ${row.name} is ${state}. Revoke it first; then it can be deleted.`,
      );
    }
    await deleteAgent(ctx.db, id);
    record(ctx, {
      action: "agent.delete",
      target_type: "agent",
      target_id: id,
      metadata: { name: row.name, state },
    });
    notify(ctx, { topic: "agent", id });
    // A gateway may remember it still: an agent that polls is served from memory between its polls.
    ctx.afterCommit(() => ctx.bus.publish(subjects.agentRevoked(id), {}));
    return undefined;
  });
}

/** An agent as the API shows it. */
export function agentOf(row: AgentRow, now: number): Agent {
  const { state, since } = agentState(row, now);
  return {
    id: row.id,
    site_id: row.site_id,
    kind: row.kind,
    name: row.name,
    instance_uid: row.instance_uid,
    state,
    state_since: new Date(since).toISOString(),
    waiting: agentWaiting(row, now),
    healthy: row.healthy,
    health_status: row.health_status,
    version: row.version,
    os: row.os,
    hostname: row.hostname,
    labels: row.labels,
    transport: row.transport,
    last_seen_at: timestamp(row.last_seen_at),
    certificate_expires_at: timestamp(row.certificate_expires_at),
    created_at: timestamp(row.created_at),
  };
}

/** Every capability the protocol knows, and for those this agent lacks what that means and how to change it. */
function capabilitiesOf(row: AgentRow): AgentDetail["capabilities"] {
  const bits = BigInt(row.capabilities);
  return AGENT_CAPABILITY_NAMES.map((name) => {
    if (hasCapability(bits, name)) return { name, present: true, why_not: null };
    const { consequence, remedy } = whyNot(name);
    // The remedies speak of the Collector and its supervisor; to any other agent they would be wrong advice.
    return {
      name,
      present: false,
      why_not: row.kind === "collector" ? `${consequence} ${remedy}` : consequence,
    };
  });
}

async function mustFindForUpdate(ctx: Tx, id: string): Promise<AgentRow> {
  const row = await findAgentForUpdate(ctx.db, id);
  if (row === undefined) throw notFound("agent", id);
  return row;
}

/** Sort value and id of the row a page begins after. A cursor of another sort is refused like one that is none of ours. */
function cursorOf({ cursor, sort }: ListInput): [string | number, string] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [value, id] = values;
  const isTime = sort === "created_at" || sort === "last_seen_at";
  const fits = isTime ? Number.isSafeInteger(value) : typeof value === "string";
  if (!fits || typeof id !== "string" || !isUuid(id)) {
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  }
  return [value as string | number, id];
}

function filterOf(input: FilterInput): AgentFilter {
  const parsed = parseAgentQuery(input.q ?? "");
  if (!parsed.ok)
    throw new AppError("invalid_input", parsed.problem, {
      fields: [{ pointer: "query/q", message: parsed.problem }],
    });
  return { query: parsed.query, kind: input.kind, state: input.state, siteId: input.site_id };
}
