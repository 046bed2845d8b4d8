import type { AgentPackage, AgentPackages } from "@flowplane/contract";
import { hasCapability, redactText } from "@flowplane/opamp";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { ERROR_CHARS_MAX } from "./limits.ts";
import { composeOffer } from "./offer.ts";
import { requirePackage } from "./find.ts";
import { findReport, listAttempts, listReported, type ReportedRow } from "./reported-store.ts";
import { packageSentence, setSentence } from "./sentence.ts";
import { heldReason } from "./sets.ts";
import { findAgents, findSet, findWantedSets, listPlaces, type WantedPackage } from "./set-store.ts";

/** What an agent is to have, what it says it has, and what came of earlier offers. */
export async function readAgentPackages(ctx: Ctx, agentId: string): Promise<AgentPackages> {
  return inTransaction(ctx, async (ctx) => {
    const [agent] = isUuid(agentId) ? await findAgents(ctx.db, [agentId]) : [];
    if (agent === undefined) throw notFound("agent", agentId);
    const set = await findSet(ctx.db, agent.id);
    const [wanted] = await findWantedSets(ctx.db, [agent.id]);
    const reported = await listReported(ctx.db, agent.id);
    const report = await findReport(ctx.db, agent.id);
    const attempts = await listAttempts(ctx.db, agent.id);
    const held = heldReason(agent, wanted);
    const offer = wanted === undefined ? undefined : composeOffer(wanted.packages, wanted);
    const hash = offer?.ok === true ? offer.hash.toString("hex") : null;
    const reports = hasCapability(BigInt(agent.capabilities), "ReportsPackageStatuses");
    const took = hash !== null && (reports ? report?.offered : report?.sent) === hash;
    const byName = new Map(reported.map((row) => [row.name, row]));
    const items = [
      ...(wanted?.packages ?? []).map((one) => itemOf(one.name, one, byName.get(one.name))),
      ...reported
        .filter(({ name }) => wanted?.packages.every((one) => one.name !== name) !== false)
        .map((row) => itemOf(row.name, undefined, row)),
    ].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const state = stateOf({ isSet: set !== undefined, held, took, reports, items });
    return {
      state,
      sentence: setSentence(state, { held, reports }),
      set:
        set === undefined ? null : { reason: set.reason, set_by: set.set_by, set_at: timestamp(set.set_at) },
      error: redactText(report?.error ?? "").slice(0, ERROR_CHARS_MAX),
      items,
      attempts: attempts.map(({ name, version, status, error, started_at, status_at }) => ({
        name,
        version,
        status,
        error,
        started_at: timestamp(started_at),
        status_at: timestamp(status_at),
      })),
    };
  });
}

/** Agents that are to have a package, or say something of it. */
export async function listPlacePage(
  ctx: Ctx,
  packageId: string,
  query: { cursor?: string | undefined; limit: number },
) {
  const after = idOfCursor(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const of = await requirePackage(ctx, packageId);
    const rows = await listPlaces(ctx.db, of, after, query.limit + 1);
    return pageOf(
      rows,
      query.limit,
      (row) => [row.agent_id],
      ({ agent_id, agent_name, wanted_version, has_version, status, error, percent, offered_version }) => ({
        agent_id,
        agent_name,
        wanted_version,
        has_version,
        status,
        sentence: packageSentence({
          name: of.name,
          wantedVersion: wanted_version,
          hasVersion: has_version,
          offeredVersion: offered_version,
          status,
          percent,
          error: error ?? "",
        }),
      }),
    );
  });
}

function stateOf({
  isSet,
  held,
  took,
  reports,
  items,
}: {
  isSet: boolean;
  held: string | null;
  took: boolean;
  reports: boolean;
  items: readonly AgentPackage[];
}): AgentPackages["state"] {
  if (!isSet) return "none";
  if (held !== null) return "held";
  if (!took) return "waiting";
  if (!reports) return "offered";
  const wanted = items.filter((item) => item.wanted !== null);
  if (wanted.some(({ status }) => status === "install_failed")) return "failed";
  const isThere = wanted.every(
    (item) => item.status === "installed" && item.has_version === item.wanted?.version,
  );
  return isThere ? "installed" : "offered";
}

function itemOf(
  name: string,
  wanted: WantedPackage | undefined,
  reported: ReportedRow | undefined,
): AgentPackage {
  const hasVersion = reported === undefined || reported.has_version === "" ? null : reported.has_version;
  return {
    name,
    wanted:
      wanted === undefined
        ? null
        : {
            package_id: wanted.package_id,
            release_id: wanted.release_id,
            version: wanted.version,
            channel: wanted.channel,
          },
    has_version: hasVersion,
    status: reported?.status ?? null,
    percent: reported?.status === "downloading" ? reported.percent : null,
    bytes_per_second: reported?.status === "downloading" ? reported.bytes_per_second : null,
    error: reported?.error ?? "",
    reported_at: timestamp(reported?.reported_at ?? null),
    sentence: packageSentence({
      name,
      wantedVersion: wanted?.version ?? null,
      hasVersion,
      offeredVersion: reported?.offered_version ?? null,
      status: reported?.status ?? null,
      percent: reported?.percent ?? null,
      error: reported?.error ?? "",
    }),
  };
}
