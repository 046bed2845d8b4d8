import { hasCapability, SERVER_CAPABILITY } from "@flowplane/opamp";
import { inTransaction, type Base, type Ctx } from "../../platform/context.ts";
import { systemActor } from "../../platform/system-actor.ts";
import type { DesiredSource, Wanted } from "../gateway/desired.ts";
import type { AgentSession } from "../gateway/sessions.ts";
import { writeAttempts } from "./attempts.ts";
import { composeFor, type Composed } from "./compose.ts";
import { settle } from "./settle.ts";
import { findChanged, findWanted, type WantedRow } from "./store.ts";

const NAME = "configuration";
/** Agents that are held back and looked at again by one catch-up: what was missing may be there by now. */
const HELD_LOOKED_AT_MAX = 2_000;

/** What is known of an agent's assignment while it is connected. */
interface Assigned {
  readonly hash: string;
  readonly retryId: string | null;
  readonly changedAt: number;
  readonly isHeld: boolean;
}

/**
 * Offers agents the configurations assigned to them. An agent that has its content is not composed for, so that a fleet that
 * reconnects costs one query for some hundred agents; any other is given the newest composition, and its assignment's hash moves.
 */
export function configurationSource(base: Base): DesiredSource {
  const assigned = new WeakMap<AgentSession, Assigned>();

  return {
    name: NAME,
    capabilities: SERVER_CAPABILITY.OffersRemoteConfig,
    async load(sessions) {
      const byId = new Map(sessions.map((session) => [session.identity.agent_id, session]));
      const rows = await findWanted(base.storage.system, [...byId.keys()]);
      for (const session of sessions) assigned.delete(session);
      const wanted = new Map<string, Wanted>();
      const due: WantedRow[] = [];
      for (const row of rows) {
        const session = byId.get(row.agent_id);
        if (session === undefined) continue;
        assigned.set(session, assignedOf(row, row.held_reason !== null));
        if (isNeeded(session, assignedOf(row, false))) due.push(row);
      }
      await tellApplied(base, rows, byId);
      for (const [row, composed] of await composeAll(base, due, byId)) {
        const session = byId.get(row.agent_id);
        if (session === undefined) continue;
        assigned.set(session, {
          ...assignedOf(row, !composed.ok),
          ...(composed.ok ? { hash: composed.hash } : {}),
        });
        if (!composed.ok) continue;
        wanted.set(row.agent_id, {
          remoteConfig: composed.rendering.message(),
          ...(row.retry_id === null ? {} : { retryRemoteConfig: row.retry_id }),
        });
      }
      return wanted;
    },
    async changedSince(since, sessions) {
      const changed = await findChanged(base.storage.system, new Date(since));
      const ids = new Set<string>();
      for (const { agent_id, changed_at } of changed) {
        const session = sessions.ofAgent(agent_id);
        if (session !== undefined && assigned.get(session)?.changedAt !== changed_at.getTime())
          ids.add(agent_id);
      }
      let held = 0;
      for (const session of sessions.all()) {
        if (assigned.get(session)?.isHeld !== true) continue;
        ids.add(session.identity.agent_id);
        held += 1;
        if (held === HELD_LOOKED_AT_MAX) break;
      }
      return [...ids];
    },
    isOutdated(session) {
      const known = assigned.get(session);
      if (known === undefined || known.isHeld || session.wanted.get(NAME)?.remoteConfig !== undefined)
        return false;
      return isNeeded(session, known);
    },
    afterStep(session) {
      const known = assigned.get(session);
      if (known === undefined || session.wanted.get(NAME)?.remoteConfig === undefined) return undefined;
      // A content of its own for each agent would otherwise stay in memory for as long as it is connected.
      return isNeeded(session, known) ? undefined : {};
    },
  };
}

function assignedOf(row: WantedRow, isHeld: boolean): Assigned {
  return {
    hash: row.offer_hash,
    retryId: row.retry_id,
    changedAt: row.changed_at.getTime(),
    isHeld,
  };
}

/** Whether an agent is still to be given its content: it has another one, and has not refused this one. */
function isNeeded(session: AgentSession, { hash, retryId }: Assigned): boolean {
  const { state } = session;
  const sent = state.sent.remoteConfig;
  if (retryId !== null && sent !== `${hash} ${retryId}` && state.failedConfigHashes.includes(hash))
    return true;
  if (session.reportedConfigHash === hash || state.failedConfigHashes.includes(hash)) return false;
  // Who does not report what it has is sent each content once.
  const reports = hasCapability(state.capabilities, "ReportsRemoteConfig");
  return reports || state.capabilities === 0n || sent?.split(" ", 1)[0] !== hash;
}

/** An agent that says it runs a content which it got before anybody assigned it has nothing more to say of it. */
async function tellApplied(
  base: Base,
  rows: readonly WantedRow[],
  byId: ReadonlyMap<string, AgentSession>,
): Promise<void> {
  const now = base.now();
  const news = rows.flatMap((row) => {
    const status = byId.get(row.agent_id)?.state.remoteConfigStatus;
    const isUnsaid = row.attempt === "waiting" || row.attempt === "offered";
    if (!isUnsaid || status?.status !== "applied" || status.hash !== row.offer_hash) return [];
    const applied = { status: "applied", at: now, offeredAt: null, error: "", rolledBackTo: null } as const;
    return [{ agentId: row.agent_id, attempts: new Map([[row.offer_hash, applied]]) }];
  });
  await writeAttempts(base.storage.system, news);
}

async function composeAll(
  base: Base,
  due: readonly WantedRow[],
  byId: ReadonlyMap<string, AgentSession>,
): Promise<(readonly [WantedRow, Composed])[]> {
  const capabilities = new Map<string, bigint>();
  for (const { agent_id } of due) {
    const session = byId.get(agent_id);
    // Whether it accepts anything now is decided when a message goes out: it may say so in the one at hand.
    if (session !== undefined && session.state.capabilities !== 0n)
      capabilities.set(agent_id, session.state.capabilities | ACCEPTS);
    else capabilities.set(agent_id, ACCEPTS);
  }
  const groups = Map.groupBy(due, (row) => `${row.organization_id}/${row.configuration_id}/${row.version}`);
  const all: (readonly [WantedRow, Composed])[] = [];
  for (const rows of groups.values()) {
    const [first] = rows;
    if (first === undefined) continue;
    const composed = await inTransaction(ctxOf(base, first.organization_id), async (ctx) => {
      const target =
        first.configuration_id === null || first.version === null
          ? null
          : { configuration_id: first.configuration_id, version: first.version };
      const ids = rows.map(({ agent_id }) => agent_id);
      const result = await composeFor(ctx, target, ids, { capabilities });
      await settle(ctx, rows, result);
      return result;
    });
    for (const row of rows) {
      const one = composed.get(row.agent_id);
      if (one !== undefined) all.push([row, one]);
    }
  }
  return all;
}

const ACCEPTS = 2n;

function ctxOf(base: Base, organizationId: string): Ctx {
  return { ...base, actor: systemActor(organizationId), requestId: "delivery", remoteAddress: null };
}
