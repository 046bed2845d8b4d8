import { inTransaction, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { parseAgentQuery } from "./query.ts";
import { countComponentSets, findAgent, findReport, listComponentSets } from "./store.ts";

/** How many of the Collectors that a query matches report which components; null for those that report none. */
export async function countByComponents(
  ctx: Ctx,
  text: string,
): Promise<{ components: Record<string, unknown> | null; agents: number }[]> {
  const parsed = parseAgentQuery(text);
  if (!parsed.ok) throw new AppError("invalid_input", parsed.problem);
  return inTransaction(ctx, (ctx) =>
    countComponentSets(ctx.db, { query: parsed.query, kind: "collector" }, ctx.now()),
  );
}

/** Which of these agents report which components; those that report none are left out. */
export async function readComponents(
  ctx: Tx,
  agentIds: readonly string[],
): Promise<{ components: Record<string, unknown>; agent_ids: string[] }[]> {
  return listComponentSets(ctx.db, agentIds);
}

/** The entries that an agent in this transaction's organization says it runs, and since when. */
export async function readReportedConfig(
  ctx: Tx,
  agentId: string,
): Promise<{
  entries: readonly { name: string; content_type: string; body: string }[];
  at: Date | null;
}> {
  const report = await findReport(ctx.db, agentId);
  return { entries: report?.effective_config ?? [], at: report?.effective_config_at ?? null };
}

/** What an agent says it runs; secrets in it were redacted when it came. */
export async function readEffectiveConfig(
  ctx: Ctx,
  agentId: string,
): Promise<{ name: string; entries: readonly { name: string; body: string }[] }> {
  return inTransaction(ctx, async (ctx) => {
    const agent = isUuid(agentId) ? await findAgent(ctx.db, agentId) : undefined;
    if (agent === undefined) throw notFound("agent", agentId);
    const report = await findReport(ctx.db, agent.id);
    return { name: agent.name, entries: report?.effective_config ?? [] };
  });
}
