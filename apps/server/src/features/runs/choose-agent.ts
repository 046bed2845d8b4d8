import type { Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { plural } from "../../platform/words.ts";
import { stateSql } from "../fleet/state.ts";
import { AGENTS_NAMED_MAX } from "./limits.ts";

export interface RunnableAgent {
  readonly id: string;
  readonly site_id: string;
  readonly name: string;
}

/** The agent meant: the one given, or the only connected one that can run commands. Throws a conflict that lists the choice. */
export async function chooseAgent(ctx: Tx, id: string | undefined): Promise<RunnableAgent> {
  if (id !== undefined) return requireAgent(ctx, id);
  const rows = await ctx.db
    .selectFrom("agents")
    .select(["id", "site_id", "name"])
    .where("kind", "=", "site")
    .where(stateSql(ctx.now()), "=", "connected")
    .orderBy("name")
    .limit(AGENTS_NAMED_MAX + 1)
    .execute();
  const [only, ...others] = rows;
  if (only === undefined)
    throw new AppError(
      "conflict",
      "No site agent is connected. Start one with `flowplane agent run`, or name one that is away with --agent NAME (agent_id in the API): the run then waits for it.",
    );
  if (others.length === 0) return only;
  const named = rows.slice(0, AGENTS_NAMED_MAX).map((agent) => `${agent.name} (${agent.id})`);
  const more = rows.length > AGENTS_NAMED_MAX ? ", and more" : "";
  const count =
    rows.length > AGENTS_NAMED_MAX ? `More than ${AGENTS_NAMED_MAX} agents` : plural(rows.length, "agent");
  throw new AppError(
    "conflict",
    `${count} are connected; choose one with --agent NAME (agent_id in the API): ${named.join(", ")}${more}.`,
  );
}

/** A named agent, connected or not. Throws when it is not there, or is none that could ever run a command. */
export async function requireAgent(ctx: Tx, id: string): Promise<RunnableAgent> {
  const agent = isUuid(id)
    ? await ctx.db
        .selectFrom("agents")
        .select(["id", "site_id", "name", "kind", "approval", "revoked_at"])
        .where("id", "=", id)
        .executeTakeFirst()
    : undefined;
  if (agent === undefined) throw notFound("agent", id);
  if (agent.revoked_at !== null)
    throw new AppError(
      "conflict",
      `The agent ${agent.name} was revoked and cannot run anything. Choose another one.`,
    );
  if (agent.kind !== "site")
    throw new AppError(
      "conflict",
      `The agent ${agent.name} is a ${agent.kind}; only site agents run commands. Choose a site agent.`,
    );
  if (agent.approval !== "approved")
    throw new AppError("conflict", `The agent ${agent.name} still waits for approval. Approve it first.`);
  return agent;
}
