import type { Rollout, RolloutAgentState, RolloutReason, RolloutState } from "@flowplane/contract";
import { inTransaction, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { idOfCursor, pageOf, readCursor } from "../../platform/storage/page.ts";
import { plural } from "../../platform/words.ts";
import { FAILURE_EXAMPLES_MAX, FAILURE_GROUPS_MAX } from "./limits.ts";
import { type Overlap } from "./overlaps-store.ts";
import { listAgents, listFailures, readSquares } from "./shown-agents-store.ts";
import { findRollout, listRollouts, listWaves, type ShownRolloutRow } from "./store.ts";
import { agentOf, rolloutOf } from "./view.ts";

export async function listRolloutPage(
  ctx: Ctx,
  query: {
    state?: RolloutState | undefined;
    configuration_id?: string | undefined;
    agent_id?: string | undefined;
    cursor?: string | undefined;
    limit: number;
  },
) {
  const after = idOfCursor(query.cursor);
  const isNobodys = [query.configuration_id, query.agent_id].some((id) => id !== undefined && !isUuid(id));
  return inTransaction(ctx, async (ctx) => {
    const rows = isNobodys
      ? []
      : await listRollouts(ctx.db, {
          state: query.state,
          configurationId: query.configuration_id,
          agentId: query.agent_id,
          after,
          limit: query.limit + 1,
        });
    const waves = Map.groupBy(
      await listWaves(
        ctx.db,
        rows.map(({ id }) => id),
      ),
      ({ rollout_id }) => rollout_id,
    );
    return pageOf(
      rows,
      query.limit,
      (row) => [row.id],
      (row) => rolloutOf(row, waves.get(row.id) ?? [], ctx.now()),
    );
  });
}

export async function readRollout(ctx: Ctx, id: string): Promise<Rollout> {
  return inTransaction(ctx, (ctx) => readShown(ctx, id));
}

export async function readShown(ctx: Tx, id: string): Promise<Rollout> {
  const row = await requireRollout(ctx, id);
  return rolloutOf(row, await listWaves(ctx.db, [row.id]), ctx.now());
}

export async function requireRollout(ctx: Tx, id: string): Promise<ShownRolloutRow> {
  const row = isUuid(id) ? await findRollout(ctx.db, id) : undefined;
  if (row === undefined) throw notFound("rollout", id);
  return row;
}

export async function listAgentPage(
  ctx: Ctx,
  id: string,
  query: {
    state?: RolloutAgentState | undefined;
    wave?: number | undefined;
    reason_code?: RolloutReason | undefined;
    cursor?: string | undefined;
    limit: number;
  },
) {
  const after = placeOf(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    const rollout = await requireRollout(ctx, id);
    const rows = await listAgents(ctx.db, rollout.id, {
      state: query.state,
      wave: query.wave,
      reasonCode: query.reason_code,
      after,
      limit: query.limit + 1,
    });
    return pageOf(
      rows,
      query.limit,
      (row) => [row.wave, row.position],
      (row) => agentOf(row, rollout),
    );
  });
}

const PLACE_MAX = 2 ** 31 - 1;

function placeOf(cursor: string | undefined): readonly [number, number] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [wave, position] = values.map(Number);
  const isPlace = (value: number | undefined): value is number =>
    Number.isSafeInteger(value) && Math.abs(Number(value)) <= PLACE_MAX;
  if (isPlace(wave) && isPlace(position)) return [wave, position];
  throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
}

/** One letter for each state, so that 25,000 agents are 25 KB. */
const LETTERS: Readonly<Record<RolloutAgentState, string>> = {
  waiting: "w",
  offered: "o",
  applying: "a",
  soaking: "s",
  passed: "p",
  failed: "f",
  unreachable: "u",
  skipped: "k",
  reverting: "b",
  reverted: "r",
};

export async function readRolloutSquares(ctx: Ctx, id: string) {
  return inTransaction(ctx, async (ctx) => {
    const rollout = await requireRollout(ctx, id);
    const waves = await listWaves(ctx.db, [rollout.id]);
    const squares = new Map(
      (await readSquares(ctx.db, rollout.id, LETTERS)).map((row) => [row.wave, row.squares]),
    );
    return {
      letters: Object.fromEntries(
        Object.entries(LETTERS).map(([state, letter]) => [letter, state as RolloutAgentState]),
      ),
      waves: waves.map(({ index }) => squares.get(index) ?? ""),
    };
  });
}

export async function readRolloutFailures(ctx: Ctx, id: string) {
  return inTransaction(ctx, async (ctx) => {
    const rollout = await requireRollout(ctx, id);
    return {
      items: await listFailures(ctx.db, rollout.id, {
        groups: FAILURE_GROUPS_MAX,
        examples: FAILURE_EXAMPLES_MAX,
      }),
    };
  });
}

/** Which rollout has some of the same agents, and where it stands. */
export async function overlapSentence(ctx: Tx, { rollout_id, agents }: Overlap): Promise<string> {
  const { configuration_name, version, sentence } = await readShown(ctx, rollout_id);
  return `${plural(agents, "agent")} ${agents === 1 ? "is" : "are"} in the rollout ${rollout_id} of ${configuration_name} version ${version}: ${sentence}`;
}
