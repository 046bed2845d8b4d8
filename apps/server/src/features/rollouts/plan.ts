import type { RolloutReason, WaveSize } from "@flowplane/contract";
import { availableOf, checkConfig, lacking, lackSentence, type Lack } from "@flowplane/collector-config";
import { hasCapability } from "@flowplane/opamp";
import { isInShare, isTimeZone, planWaves, stableOrder } from "@flowplane/rollouts";
import type { Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { plural } from "../../platform/words.ts";
import { requireConfiguration } from "../configurations/configurations.ts";
import { requireVersion } from "../configurations/versions.ts";
import { readComponents } from "../fleet/components.ts";
import { selectAgents, type SelectedAgent } from "../fleet/select-agents.ts";
import { parseSelector } from "../fleet/selector.ts";
import { ROLLOUT_AGENTS_MAX } from "./limits.ts";
import type { Composed, Delivery, Target } from "./ports.ts";
import { type NewRolloutAgent } from "./agents-store.ts";
import { readAssigned, type Assigned } from "./assigned-store.ts";
import { listOverlaps, type Overlap } from "./overlaps-store.ts";

export interface Wanted {
  readonly configuration_id: string;
  readonly version?: number | undefined;
  readonly selector: string;
  readonly plan: { waves: readonly WaveSize[]; window: { time_zone: string } | null };
  readonly split: { baseline_version: number; percent: number } | null;
}

/** An agent that a rollout would have. */
export interface PlannedAgent {
  readonly agent: SelectedAgent;
  readonly variant: "version" | "baseline";
  readonly wave: number;
  readonly skip: { readonly code: RolloutReason; readonly sentence: string } | null;
  readonly composed: Composed | undefined;
  /** What it is assigned now. */
  readonly from: Target | null;
}

export interface Planned {
  readonly configuration: { readonly id: string; readonly name: string; readonly archived: boolean };
  readonly version: number;
  /** Agents of the fleet, matching or not. */
  readonly fleet: number;
  /** In the order of the waves; those that are skipped come last. */
  readonly agents: readonly PlannedAgent[];
  readonly waves: readonly number[];
  readonly overlaps: readonly Overlap[];
}

/**
 * What a rollout would do, for a preview and for the rollout itself. Throws `invalid_input` for a selector that cannot be read and
 * `not_found` for a version that is not there; who is matched, and whether that will do, is for the caller to judge.
 */
export async function planRollout(ctx: Tx, delivery: Delivery, id: string, wanted: Wanted): Promise<Planned> {
  const selector = parseSelector(wanted.selector);
  if (!selector.ok)
    throw new AppError("invalid_input", selector.problem, {
      fields: [{ pointer: "/selector", message: selector.problem }],
    });
  if (wanted.plan.window !== null && !isTimeZone(wanted.plan.window.time_zone))
    throw new AppError("invalid_input", `There is no time zone ${wanted.plan.window.time_zone}.`, {
      fields: [{ pointer: "/plan/window/time_zone", message: "is no IANA name, like Europe/Berlin" }],
    });
  const configuration = await requireConfiguration(ctx, wanted.configuration_id);
  const version = await requireVersion(
    ctx,
    configuration.id,
    wanted.version ?? configuration.current_version,
  );
  if (wanted.split !== null) {
    if (wanted.split.baseline_version === version.version)
      throw new AppError("invalid_input", "The two versions of a split must be different ones.");
    await requireVersion(ctx, configuration.id, wanted.split.baseline_version);
  }
  const { total, agents: matching } = await selectAgents(ctx.db, selector, { now: ctx.now() });
  if (matching.length > ROLLOUT_AGENTS_MAX)
    throw new AppError(
      "invalid_input",
      `The selector matches ${matching.length} agents; a rollout can have ${ROLLOUT_AGENTS_MAX} at most.`,
    );
  const byId = new Map(matching.map((agent) => [agent.id, agent]));
  const ids = [...byId.keys()];
  const variants = new Map(
    ids.map((agentId) => [agentId, variantOf(wanted, configuration.id, agentId)] as const),
  );
  const assigned = await readAssigned(ctx.db, ids);
  const lacks = await readLacks(ctx, version.body, ids);
  const composed = await compose(ctx, delivery, configuration.id, version.version, wanted, variants);
  const planned = stableOrder(id, ids).flatMap((agentId) => {
    const agent = byId.get(agentId);
    if (agent === undefined) return [];
    const one = composed.get(agentId);
    const now = assigned.get(agentId);
    const from =
      now?.configuration_id == null || now.version === null
        ? null
        : { configuration_id: now.configuration_id, version: now.version };
    return [
      {
        agent,
        variant: variants.get(agentId) ?? ("version" as const),
        composed: one,
        from,
        skip: skipOf(agent, one, lacks.get(agentId), now),
      },
    ];
  });
  const takers = planned.filter(({ skip }) => skip === null);
  const skipped = planned.filter(({ skip }) => skip !== null);
  const waves = planWaves(takers.length, wanted.plan.waves);
  const last = Math.max(0, waves.length - 1);
  if (waves.length > 0) waves[last] = (waves[last] ?? 0) + skipped.length;
  const waveOf = waves.flatMap((size, index) => Array.from({ length: size }, () => index));
  return {
    configuration: {
      id: configuration.id,
      name: configuration.name,
      archived: configuration.archived_at !== null,
    },
    version: version.version,
    fleet: total,
    agents: [...takers, ...skipped].map((agent, index) => ({ ...agent, wave: waveOf[index] ?? last })),
    waves,
    overlaps: await listOverlaps(
      ctx.db,
      takers.map(({ agent }) => agent.id),
    ),
  };
}

export function variantOf(
  { split }: Pick<Wanted, "split">,
  configurationId: string,
  agentId: string,
): "version" | "baseline" {
  return split === null || isInShare(configurationId, agentId, split.percent) ? "version" : "baseline";
}

/** The rows of a rollout's agents, in the order of the plan. */
export function rowsOf(planned: Planned): NewRolloutAgent[] {
  return planned.agents.map(({ agent, variant, wave, skip }, position) => ({
    agent_id: agent.id,
    wave,
    position,
    variant,
    state: skip === null ? "waiting" : "skipped",
    reason_code: skip?.code ?? null,
    reason: skip?.sentence ?? null,
  }));
}

async function compose(
  ctx: Tx,
  delivery: Delivery,
  configurationId: string,
  version: number,
  { split }: Wanted,
  variants: ReadonlyMap<string, "version" | "baseline">,
): Promise<Map<string, Composed>> {
  const idsOf = (wanted: string) =>
    [...variants].flatMap(([agentId, variant]) => (variant === wanted ? [agentId] : []));
  const composed = await delivery.composeFor(
    ctx,
    { configuration_id: configurationId, version },
    idsOf("version"),
  );
  if (split === null) return composed;
  const others = await delivery.composeFor(
    ctx,
    { configuration_id: configurationId, version: split.baseline_version },
    idsOf("baseline"),
  );
  return new Map([...composed, ...others]);
}

function skipOf(
  agent: SelectedAgent,
  composed: Composed | undefined,
  lack: Lack | undefined,
  assigned: Assigned | undefined,
): PlannedAgent["skip"] {
  // One that has never been heard from may turn out to take it; that is judged when it comes.
  if (agent.capabilities !== 0 && !hasCapability(BigInt(agent.capabilities), "AcceptsRemoteConfig"))
    return {
      code: "not_configurable",
      sentence: "It does not take configurations: it lacks the capability AcceptsRemoteConfig.",
    };
  if (lack !== undefined) return { code: "lacks_components", sentence: lackSentence(lack, 1) };
  if (composed?.ok === false) return { code: composed.reason_code, sentence: composed.reason };
  if (composed !== undefined && assigned?.is_applied === true && composed.hash === assigned.offer_hash)
    return { code: "already_there", sentence: "It runs this content already." };
  return null;
}

/** What agents lack of the components that a text uses, by agent; those that do not say what they are built with are left out. */
async function readLacks(ctx: Tx, body: string, agentIds: readonly string[]): Promise<Map<string, Lack>> {
  const { model } = checkConfig(body);
  if (model === null) return new Map();
  const lacks = new Map<string, Lack>();
  for (const { components, agent_ids } of await readComponents(ctx, agentIds)) {
    const available = availableOf(components);
    const lack = available === null ? undefined : lacking(model, [{ available, agents: 1 }])[0];
    if (lack !== undefined) for (const agentId of agent_ids) lacks.set(agentId, lack);
  }
  return lacks;
}

/** What keeps a rollout from being started, in sentences; empty when nothing does. */
export function problemsOf(planned: Planned): string[] {
  const takers = planned.agents.filter(({ skip }) => skip === null).length;
  return [
    ...(planned.configuration.archived
      ? [`${planned.configuration.name} is archived; choose another configuration.`]
      : []),
    ...(planned.agents.length === 0
      ? [`The selector matches none of ${plural(planned.fleet, "agent")}.`]
      : takers === 0
        ? [`None of the ${plural(planned.agents.length, "agent")} it matches would be changed.`]
        : []),
  ];
}

export function isEverybody(planned: Planned): boolean {
  return planned.agents.length > 0 && planned.agents.length === planned.fleet;
}
