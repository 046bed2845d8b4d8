import {
  PREVIEW_AGENTS_MAX,
  type EndpointRequest,
  type RolloutPreview,
  type rolloutApi,
} from "@flowplane/contract";
import { differences, readConfig } from "@flowplane/collector-config";
import { inTransaction, newId, type Ctx, type Tx } from "../../platform/context.ts";
import { groupSkipped } from "./create.ts";
import { CHANGES_MAX, DIFF_CHARS_MAX } from "./limits.ts";
import { isEverybody, planRollout, problemsOf, type Planned, type PlannedAgent } from "./plan.ts";
import type { Composed, Delivery, Ports } from "./ports.ts";
import { overlapSentence } from "./read.ts";
import { unifiedDiff } from "./text-diff.ts";

type Wanted = EndpointRequest<(typeof rolloutApi)["rolloutPreview"]>["body"];

/** What a rollout would do now. Nothing is written and nothing sent; which agents are first may differ in the rollout itself. */
export async function previewRollout(ctx: Ctx, { delivery }: Ports, wanted: Wanted): Promise<RolloutPreview> {
  return inTransaction(ctx, async (ctx) => {
    const planned = await planRollout(ctx, delivery, newId(), wanted);
    const isReachable = ({ agent }: PlannedAgent) => agent.state === "connected" || agent.state === "stale";
    const reachable = planned.agents.filter(isReachable).length;
    const { changes, indexOf } = await readChanges(ctx, delivery, planned);
    const overlaps = await Promise.all(
      planned.overlaps.map(async (overlap) => ({
        rollout_id: overlap.rollout_id,
        agents: overlap.agents,
        sentence: await overlapSentence(ctx, overlap),
      })),
    );
    return {
      agents: planned.agents.length,
      everybody: isEverybody(planned),
      reachable,
      unreachable: planned.agents.length - reachable,
      skipped: groupSkipped(planned),
      waves: planned.waves.map((agents, index) => ({ index, agents })),
      overlaps,
      problems: problemsOf(planned),
      changes,
      items: planned.agents.slice(0, PREVIEW_AGENTS_MAX).map((one) => ({
        agent_id: one.agent.id,
        name: one.agent.name,
        site_id: one.agent.site_id,
        state: one.agent.state,
        wave: one.wave,
        reason_code: one.skip?.code ?? null,
        change: indexOf.get(one.agent.id) ?? null,
      })),
    };
  });
}

/** What changes, once for each pair of a text that agents have and a text that they would get. */
async function readChanges(ctx: Tx, delivery: Delivery, { agents }: Planned) {
  const takers = agents.filter(({ skip, composed }) => skip === null && composed?.ok === true);
  const indexOf = new Map<string, number>();
  const present = await readPresent(ctx, delivery, takers);
  const groups = Map.groupBy(takers, ({ agent, composed }) => {
    const before = present.get(agent.id);
    return `${before?.ok === true ? before.hash : "none"}/${composed?.ok === true ? composed.hash : ""}`;
  });
  const changes = [...groups.values()]
    .toSorted((one, other) => other.length - one.length)
    .slice(0, CHANGES_MAX)
    .map((group, index) => {
      for (const { agent } of group) indexOf.set(agent.id, index);
      const [first] = group;
      const before = textOf(first === undefined ? undefined : present.get(first.agent.id));
      const after = textOf(first?.composed);
      return {
        from: first?.from ?? null,
        agents: group.length,
        changes: changesOf(before, after),
        text_diff: unifiedDiff(before, after, DIFF_CHARS_MAX),
      };
    });
  return { changes, indexOf };
}

/** What agents would be sent of what they are assigned now. */
async function readPresent(
  ctx: Tx,
  delivery: Delivery,
  agents: readonly PlannedAgent[],
): Promise<Map<string, Composed>> {
  const present = new Map<string, Composed>();
  const groups = Map.groupBy(agents, ({ from }) =>
    from === null ? "" : `${from.configuration_id}/${from.version}`,
  );
  for (const group of groups.values()) {
    const from = group[0]?.from;
    if (from == null) continue;
    const ids = group.map(({ agent }) => agent.id);
    for (const [id, composed] of await delivery.composeFor(ctx, from, ids)) present.set(id, composed);
  }
  return present;
}

function textOf(composed: Composed | undefined): string {
  return composed?.ok === true ? composed.shown : "";
}

function changesOf(before: string, after: string) {
  const [old, young] = [readConfig(before).read, readConfig(after).read];
  if (old === null || young === null) return [];
  return differences(old.value, young.value).map((change) => ({
    ...change,
    settings: change.settings.map((path) => [...path]),
  }));
}
