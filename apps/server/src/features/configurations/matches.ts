import {
  COMBINATION_EXAMPLES_MAX,
  OVERLAY_COMBINATIONS_MAX,
  type Api,
  type EndpointOutput,
} from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { groupCollectors } from "../fleet/select-agents.ts";
import { parseSelector } from "../fleet/selector.ts";
import { requireSite } from "../runs/create.ts";

/** How many Collectors each selector matches, and which of them match the same ones. Throws `not_found` for a site. */
export async function matchOverlays(
  ctx: Ctx,
  input: { overlays: readonly { name: string; selector: string }[]; site_id?: string | undefined },
): Promise<EndpointOutput<Api["configurationOverlayMatches"]>> {
  const parsed = input.overlays.map(({ name, selector }) => ({ name, selector: parseSelector(selector) }));
  const readable = parsed.flatMap(({ name, selector }) => (selector.ok ? [{ name, selector }] : []));
  const groups = await inTransaction(ctx, async (ctx) => {
    await requireSite(ctx, input.site_id);
    return groupCollectors(
      ctx.db,
      readable.map(({ selector }) => selector),
      { now: ctx.now(), siteId: input.site_id, examplesMax: COMBINATION_EXAMPLES_MAX },
    );
  });
  const sumOf = (some: typeof groups) => some.reduce((sum, { agents }) => sum + agents, 0);
  return {
    agents: sumOf(groups),
    overlays: parsed.map(({ name, selector }) => {
      const index = readable.findIndex((one) => one.selector === selector);
      return {
        name,
        agents: index < 0 ? null : sumOf(groups.filter(({ matching }) => matching.includes(index))),
      };
    }),
    combinations: groups.slice(0, OVERLAY_COMBINATIONS_MAX).map(({ matching, agents, examples }) => ({
      overlays: matching.flatMap((index) => readable[index]?.name ?? []),
      agents,
      examples: examples.map((example) => ({ ...example })),
    })),
  };
}
