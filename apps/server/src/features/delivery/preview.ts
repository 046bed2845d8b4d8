import type { ConfigurationOrigin, ConfigurationOverlay, ConfigurationProblem } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { checkSources, problemOf } from "../configurations/shown.ts";
import { readSelectable } from "../fleet/select-agents.ts";
import { readClients } from "./clients.ts";
import { composeWith } from "./compose.ts";
import { ReadyVersion } from "./versions.ts";

export interface ConfigurationPreview {
  composed: string | null;
  overlays: string[];
  origins: ConfigurationOrigin[];
  problems: ConfigurationProblem[];
  held: string | null;
}

/** What an agent would be sent of a text that is not saved, by the same way that composes a version. Throws `not_found`. */
export async function previewFor(
  ctx: Ctx,
  input: { body: string; overlays: readonly ConfigurationOverlay[]; agent_id: string },
): Promise<ConfigurationPreview> {
  return inTransaction(ctx, async (ctx) => {
    const id = input.agent_id;
    const clients = isUuid(id) ? await readClients(ctx.db, [id]) : new Map<string, never>();
    if (!clients.has(id)) throw notFound("agent", id);
    const version = ReadyVersion.from(input.body, input.overlays);
    if (typeof version === "string")
      return {
        composed: null,
        overlays: [],
        origins: [],
        problems: checkSources(input.body, input.overlays).problems,
        held: version,
      };
    const selectable = version.hasOverlays
      ? await readSelectable(ctx.db, [id], { now: ctx.now(), parts: version.parts })
      : undefined;
    const text = version.textFor(selectable?.get(id));
    const composed = (await composeWith(ctx, version, clients)).get(id);
    return {
      composed: text.shown,
      overlays: [...text.overlays],
      origins: version
        .originsIn(text)
        .map(({ fromLine, toLine, overlay }) => ({ from_line: fromLine, to_line: toLine, overlay })),
      problems: text.problems.map(problemOf),
      held: composed?.ok === false ? composed.reason : null,
    };
  });
}
