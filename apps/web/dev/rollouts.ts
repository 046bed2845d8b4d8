/** The mock's answers about rollouts. A selector with "nobody" in it matches nobody, `true` everybody. */
import {
  PREVIEW_AGENTS_MAX,
  ROLLOUT_AGENT_STATES,
  type Api,
  type EndpointOutput,
  type EndpointRequest,
  type Rollout,
} from "@flowplane/contract";
import { comparisonOf } from "./comparison.ts";
import { found, MockProblem, nextSerial, paged, type Context, type Handlers } from "./answer.ts";
import { iso } from "./random.ts";
import { make, printed, type MockRollout } from "./rolloutWorld.ts";
import type { World } from "./world.ts";

type Target = EndpointRequest<Api["rolloutPreview"]>["body"];

const LETTERS = Object.fromEntries(
  ROLLOUT_AGENT_STATES.map((state, index) => ["woaspfuxrb"[index] ?? "?", state]),
);
const LETTER = new Map(Object.entries(LETTERS).map(([letter, state]) => [state, letter]));

function find(world: World, id: string): MockRollout {
  return found(world.rollouts.find(({ core }) => core.id === id));
}

function change({ world, bus }: Context, id: string, part: Partial<MockRollout["core"]>): Rollout {
  const rollout = find(world, id);
  rollout.core = { ...rollout.core, ...part, state_since: iso(Date.now()) };
  bus.send({ topic: "rollout", id });
  return printed(rollout);
}

function targetsOf(world: World, selector: string) {
  if (selector.includes("nobody")) return [];
  if (selector.trim() === "true") return world.agents;
  const site = /site == "(\w+)"/.exec(selector)?.[1];
  const kind = /kind == "(\w+)"/.exec(selector)?.[1];
  return world.agents.filter(
    (agent) =>
      (site === undefined || agent.site_id === `site-${site}`) && (kind === undefined || agent.kind === kind),
  );
}

function previewOf(world: World, { selector, plan }: Target): EndpointOutput<Api["rolloutPreview"]> {
  if (selector.includes("(("))
    throw new MockProblem(
      400,
      "selector_invalid",
      "The selector ends too early: a ) is missing after column 12.",
    );
  const agents = targetsOf(world, selector);
  const able = agents.filter(({ kind }) => kind === "collector");
  let taken = 0;
  const waves = plan.waves.map((wave, index) => {
    const until =
      index === plan.waves.length - 1
        ? able.length
        : Math.min(
            able.length,
            "count" in wave
              ? taken + wave.count
              : Math.max(taken, Math.ceil((wave.percent / 100) * able.length)),
          );
    const size = until - taken;
    taken = until;
    return { index, agents: size };
  });
  const lacking = Math.floor(able.length / 40);
  const isThere = able.filter(({ state }) => state === "connected" || state === "stale").length;
  const unable = agents.length - able.length;
  return {
    agents: agents.length,
    everybody: agents.length > 0 && agents.length === world.agents.length,
    reachable: isThere,
    unreachable: able.length - isThere,
    skipped: [
      ...(unable > 0
        ? [
            {
              reason_code: "not_configurable" as const,
              agents: unable,
              sentence: `${unable} do not take a configuration over OpAMP.`,
            },
          ]
        : []),
      ...(lacking > 0
        ? [
            {
              reason_code: "lacks_components" as const,
              agents: lacking,
              sentence: `${lacking} are built without kafka (exporter).`,
            },
          ]
        : []),
    ],
    waves,
    overlaps:
      world.size === "large" && world.rollouts[0] !== undefined
        ? [
            {
              rollout_id: world.rollouts[0].core.id,
              sentence: "edge v7, running, has 4,966 of these agents.",
              agents: 4_966,
            },
          ]
        : [],
    problems: agents.length === 0 ? ["The selector matches no agent."] : [],
    changes:
      able.length === 0
        ? []
        : [
            {
              from: { configuration_id: "configuration-1", version: 6 },
              agents: Math.ceil(able.length * 0.8),
              changes: [
                { change: "changed", what: "processor", id: "batch", settings: [["timeout"]] },
                { change: "added", what: "exporter", id: "kafka/audit", settings: [] },
              ],
              text_diff: DIFF,
            },
            {
              from: null,
              agents: Math.floor(able.length * 0.2),
              changes: [],
              text_diff: DIFF.replaceAll(/^-.*\n/gm, ""),
            },
          ],
    items: able.slice(0, PREVIEW_AGENTS_MAX).map((agent, index) => ({
      agent_id: agent.id,
      name: agent.name,
      site_id: agent.site_id,
      state: agent.state,
      wave: waves.findIndex(
        (_, wave) => index < waves.slice(0, wave + 1).reduce((sum, one) => sum + one.agents, 0),
      ),
      reason_code: null,
      change: index % 5 === 4 ? 1 : 0,
    })),
  };
}

const DIFF = `--- edge v6
+++ edge v7
@@ -8,13 +8,17 @@
 processors:
   batch:
-    timeout: 5s
+    timeout: 2s
+    send_batch_size: 4096
   memory_limiter: { check_interval: 1s, limit_mib: 400 }
 exporters:
   otlphttp/backend:
     endpoint: https://backend.example:4318
+  kafka/audit:
+    brokers: [kafka-1.example:9092]
 service:
   pipelines:
     traces:
       receivers: [otlp]
       processors: [memory_limiter, batch]
-      exporters: [otlphttp/backend]
+      exporters: [otlphttp/backend, kafka/audit]
`;

export const rollouts = {
  rolloutPreview: ({ world }, { body }) => previewOf(world, body),
  rolloutCreate: (ctx, { body }) => {
    const preview = previewOf(ctx.world, body);
    if (preview.problems[0] !== undefined) throw new MockProblem(422, "nobody", preview.problems[0]);
    if (preview.everybody && !body.confirm_everybody)
      throw new MockProblem(
        422,
        "everybody",
        "The selector matches every agent. Confirm that you mean all of them.",
      );
    if (preview.overlaps.length > 0 && body.on_overlap === "refuse")
      throw new MockProblem(
        409,
        "overlap",
        "Another rollout has some of these agents. Queue this one behind it.",
      );
    const able = targetsOf(ctx.world, body.selector).filter(({ kind }) => kind === "collector");
    const configuration = find(ctx.world, ctx.world.rollouts[0]?.core.id ?? "").core;
    const state = preview.overlaps.length > 0 ? "queued" : "running";
    const rollout = make(nextSerial(), state, able.length, 0, able, Date.now(), { plan: body.plan });
    const now = iso(Date.now());
    rollout.core = {
      ...rollout.core,
      id: `rollout-${nextSerial()}`,
      configuration_id: body.configuration_id,
      configuration_name: configuration.configuration_name,
      version: body.version ?? 7,
      selector: body.selector,
      message: body.message,
      created_at: now,
      started_at: state === "queued" ? null : now,
      state_since: now,
    };
    ctx.world.rollouts.unshift(rollout);
    ctx.bus.send({ topic: "rollout", id: rollout.core.id });
    return printed(rollout);
  },
  rolloutList: ({ world }, { query }) => {
    const matching = world.rollouts.filter(
      ({ core, agents }) =>
        (query.state === undefined || core.state === query.state) &&
        (query.configuration_id === undefined || core.configuration_id === query.configuration_id) &&
        (query.agent_id === undefined || agents.some(({ agent_id }) => agent_id === query.agent_id)),
    );
    const { items, ...rest } = paged(matching, query);
    return { ...rest, items: items.map(printed) };
  },
  rolloutRead: ({ world }, { params }) => printed(find(world, params.rollout_id)),
  rolloutAgents: ({ world }, { params, query }) =>
    paged(
      find(world, params.rollout_id).agents.filter(
        ({ state, wave, reason_code }) =>
          (query.state === undefined || state === query.state) &&
          (query.wave === undefined || wave === query.wave) &&
          (query.reason_code === undefined || reason_code === query.reason_code),
      ),
      query,
    ),
  rolloutSquares: ({ world }, { params }) => {
    const { agents, waveTimes } = find(world, params.rollout_id);
    const waves = waveTimes.map(() => [] as string[]);
    for (const { wave, state } of agents) waves[wave]?.push(LETTER.get(state) ?? "?");
    return { letters: LETTERS, waves: waves.map((letters) => letters.join("")) };
  },
  rolloutFailures: ({ world }, { params }) => {
    const groups = new Map<string, EndpointOutput<Api["rolloutFailures"]>["items"][number]>();
    for (const agent of find(world, params.rollout_id).agents) {
      if (agent.state !== "failed" || agent.reason_code === null) continue;
      const key = `${agent.reason_code} ${agent.reason ?? ""}`;
      const group = groups.get(key) ?? {
        reason_code: agent.reason_code,
        reason: agent.reason ?? "",
        agents: 0,
        examples: [],
      };
      group.agents += 1;
      if (group.examples.length < 5) group.examples.push({ agent_id: agent.agent_id, name: agent.name });
      groups.set(key, group);
    }
    return { items: [...groups.values()].toSorted((a, b) => b.agents - a.agents) };
  },
  rolloutComparison: ({ world }, { params, query }) =>
    comparisonOf(find(world, params.rollout_id), query.signal ?? null),
  rolloutPause: (ctx, { params, body }) =>
    change(ctx, params.rollout_id, { state: "paused", reason: `Ada Lovelace: ${body.reason}` }),
  rolloutResume: (ctx, { params }) => change(ctx, params.rollout_id, { state: "running", reason: null }),
  rolloutApprove: (ctx, { params }) => {
    find(ctx.world, params.rollout_id).approved += 1;
    return change(ctx, params.rollout_id, {});
  },
  rolloutAbort: (ctx, { params, body }) =>
    change(ctx, params.rollout_id, {
      state: "aborted",
      reason: `Ada Lovelace: ${body.reason}`,
      ended_at: iso(Date.now()),
    }),
  rolloutRollBack: (ctx, { params, body }) => {
    const rollout = find(ctx.world, params.rollout_id);
    rollout.agents = rollout.agents.map((agent) =>
      agent.state === "waiting" || agent.state === "skipped" || agent.state === "unreachable"
        ? agent
        : { ...agent, state: "reverting" },
    );
    setTimeout(() => {
      rollout.agents = rollout.agents.map((agent) =>
        agent.state === "reverting" ? { ...agent, state: "reverted" } : agent,
      );
      change(ctx, params.rollout_id, { state: "rolled_back", ended_at: iso(Date.now()) });
    }, 4_000).unref();
    return change(ctx, params.rollout_id, { state: "rolling_back", reason: `Ada Lovelace: ${body.reason}` });
  },
} satisfies Partial<Handlers>;
