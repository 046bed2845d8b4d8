import {
  CONFIGURATION_DRAFTS_MAX,
  OTHER_DRAFTS_MAX,
  type ConfigurationDraft,
  type ConfigurationOverlay,
  type OtherConfigurationDraft,
} from "@flowplane/contract";
import { inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { lockLive, requireConfiguration } from "./configurations.ts";
import {
  countDrafts,
  deleteDraft,
  findDraft,
  listOtherDrafts,
  putDraft,
  type DraftRow,
} from "./draft-store.ts";
import { checkSources } from "./text.ts";
import { requireVersion } from "./versions.ts";

// Nothing here is written to the audit log: a draft is run by nobody and read by nobody but who writes it, and it is kept
// every few words. What becomes of it is, by the version that is saved from it.

/** The actor's own draft with what is wrong with it, and who else has one. */
export async function readDraft(
  ctx: Ctx,
  id: string,
): Promise<{ draft: ConfigurationDraft | null; others: OtherConfigurationDraft[] }> {
  return inTransaction(ctx, async (ctx) => {
    const { current_version: current } = await requireConfiguration(ctx, id);
    const { actor } = ctx;
    const row = actor.type === "user" ? await findDraft(ctx.db, id, actor.id) : undefined;
    const others = await listOtherDrafts(ctx.db, id, actor.id, OTHER_DRAFTS_MAX);
    return {
      draft: row === undefined ? null : draftOf(row, current),
      others: others.map(({ user_name, based_on, updated_at }) => ({
        name: user_name,
        based_on,
        updated_at: timestamp(updated_at),
      })),
    };
  });
}

/** Keeps what the actor has written so far, finished or not. */
export async function keepDraft(
  ctx: Ctx,
  id: string,
  input: {
    body: string;
    overlays?: readonly ConfigurationOverlay[] | undefined;
    based_on: number;
    revision?: number | undefined;
  },
): Promise<ConfigurationDraft> {
  return inTransaction(ctx, async (ctx) => {
    // Locked, so that a version that is saved from the draft and the draft's last words are one after the other.
    const { current_version: current } = await lockLive(ctx, id);
    const userId = requirePerson(ctx);
    if (input.based_on > current)
      throw new AppError(
        "invalid_input",
        `There is no version ${input.based_on} yet; the newest is ${current}.`,
        { fields: [{ pointer: "/based_on", message: `is above ${current}` }] },
      );
    const before = await findDraft(ctx.db, id, userId);
    if (input.revision !== undefined && input.revision !== (before?.revision ?? 0))
      throw new AppError(
        "conflict",
        before === undefined
          ? "Your draft was saved or discarded in another window. GET it to see, or send this one without a revision to begin it again."
          : `Your draft was changed in another window, at ${timestamp(before.updated_at)}. GET it to see, or send this one without a revision to replace it.`,
      );
    // Drafts that are begun in the same moment may pass it by their number; it is there against piling up.
    if (before === undefined && (await countDrafts(ctx.db)) >= CONFIGURATION_DRAFTS_MAX)
      throw new AppError(
        "conflict",
        `There are ${CONFIGURATION_DRAFTS_MAX} drafts in your organization, which is the most there can be. Save or discard one first.`,
      );
    const overlays = input.overlays ?? (await requireVersion(ctx, id, input.based_on)).overlays;
    await putDraft(ctx.db, {
      configuration_id: id,
      user_id: userId,
      organization_id: ctx.actor.organization_id,
      user_name: ctx.actor.name,
      body: input.body,
      overlays: JSON.stringify(overlays.map(({ name, selector, body }) => ({ name, selector, body }))),
      based_on: input.based_on,
      revision: (before?.revision ?? 0) + 1,
      updated_at: new Date(ctx.now()),
    });
    // That somebody writes is news to the pages of others; each of their words is not.
    if (before === undefined) notify(ctx, { topic: "configuration", id });
    const row = await findDraft(ctx.db, id, userId);
    if (row === undefined) throw new Error("the draft that was just put is not there");
    return draftOf(row, current);
  });
}

/** Throws the actor's draft away; that there is none is fine. */
export async function discardDraft(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    await lockLive(ctx, id);
    if (await deleteDraft(ctx.db, id, requirePerson(ctx))) notify(ctx, { topic: "configuration", id });
    return undefined;
  });
}

function requirePerson({ actor }: Tx): string {
  if (actor.type === "user") return actor.id;
  throw new AppError(
    "forbidden",
    "Drafts are kept for people, and an API token is none. Save a version with POST …/versions, or sign in.",
  );
}

function draftOf(row: DraftRow, current: number): ConfigurationDraft {
  const { problems } = checkSources(row.body, row.overlays);
  return {
    configuration_id: row.configuration_id,
    body: row.body,
    overlays: row.overlays,
    based_on: row.based_on,
    current_version: current,
    is_behind: row.based_on !== current,
    problems,
    revision: row.revision,
    updated_at: timestamp(row.updated_at),
  };
}
