import { afterAll, beforeAll, expect, test } from "vitest";
import {
  AGENT_CAPABILITY,
  RemoteConfigStatuses,
  SERVER_CAPABILITY,
  toHex,
  type ServerToAgent,
} from "@flowplane/opamp";
import { inTransaction, newId } from "../../platform/context.ts";
import {
  message,
  newVisitor,
  open,
  startPlane,
  until,
  type MessageInit,
  type OpampSocket,
  type TestPlane,
} from "../../testing/gateway.ts";
import { createConfiguration } from "../configurations/configurations.ts";
import { createVersion } from "../configurations/versions.ts";
import { putSecret } from "../secrets/secrets.ts";
import { putVariable } from "../variables/variables.ts";
import { listFleet, readFacets } from "../fleet/fleet.ts";
import { readAgentConfiguration, readPlaces } from "./view.ts";
import { assign, composeFor, readDeliveries, retryDelivery, type Target } from "./delivery.ts";

const SUPERVISOR =
  AGENT_CAPABILITY.ReportsStatus |
  AGENT_CAPABILITY.AcceptsRemoteConfig |
  AGENT_CAPABILITY.ReportsRemoteConfig |
  AGENT_CAPABILITY.ReportsEffectiveConfig |
  AGENT_CAPABILITY.ReportsOwnMetrics;
const STATUS = {
  applied: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
  applying: RemoteConfigStatuses.RemoteConfigStatuses_APPLYING,
  failed: RemoteConfigStatuses.RemoteConfigStatuses_FAILED,
};

function yaml(port: string, extra = ""): string {
  return `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}
exporters:
  debug: {}
${extra}service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;
}

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

async function configuration(body: string): Promise<Target> {
  const made = await createConfiguration(plane.ctx(), {
    name: `c-${newId()}`,
    description: "",
    message: "First",
    body,
  });
  return { configuration_id: made.id, version: 1 };
}

async function next(target: Target, body: string): Promise<Target> {
  const version = await createVersion(plane.ctx(), target.configuration_id, { body, message: "Next" });
  return { ...target, version: version.version };
}

/** Assigns what `composeFor` gives, and gives its hash. */
async function give(target: Target | null, ...agents: readonly { agentId: string }[]): Promise<string> {
  return inTransaction(plane.ctx(), async (ctx) => {
    const ids = agents.map(({ agentId }) => agentId);
    const composed = await composeFor(ctx, target, ids);
    const list = ids.map((agent_id) => {
      const one = composed.get(agent_id);
      if (one?.ok !== true) throw new Error(one?.reason ?? "no such agent");
      return {
        agent_id,
        configuration_id: target?.configuration_id ?? null,
        version: target?.version ?? null,
        rollout_id: null,
        offer_hash: one.hash,
      };
    });
    await assign(ctx, list);
    return list[0]?.offer_hash ?? "";
  });
}

const status = (hash: string, kind: keyof typeof STATUS, errorMessage = "") => ({
  remoteConfigStatus: {
    lastRemoteConfigHash: Buffer.from(hash, "hex"),
    status: STATUS[kind],
    errorMessage,
  },
});

async function delivery(agentId: string) {
  await plane.gateway.flush();
  return inTransaction(plane.ctx(), async (ctx) => (await readDeliveries(ctx.db, [agentId])).get(agentId));
}

async function namesOf(q: string): Promise<string[]> {
  const { items } = await listFleet(plane.ctx(), { q, sort: "name", order: "asc", limit: 200 });
  return items.map(({ id }) => id);
}

function bodyOf(offer: ServerToAgent): string {
  const configMap = offer.remoteConfig?.config?.configMap;
  expect(Object.keys(configMap ?? {})).toEqual(["config.yaml"]);
  return Buffer.from(configMap?.["config.yaml"]?.body ?? []).toString();
}

/** A simulated supervisor on a socket that counts its messages; what it says first is in the database when it is there. */
async function supervisor(
  more: Omit<MessageInit, "$typeName"> = {},
  again?: { uid: string; agentId: string; open: () => Promise<OpampSocket> },
) {
  const agent = again ?? (await newVisitor(plane, "dashboard"));
  const socket = await agent.open();
  let sequence = -1;
  const ask = (say: Omit<MessageInit, "$typeName"> = {}) =>
    socket.ask(message(agent.uid, (sequence += 1), { capabilities: SUPERVISOR, ...say }));
  const hello = await ask(more);
  await plane.gateway.flush();
  const { uid, agentId } = agent;
  return {
    uid,
    agentId,
    open: agent.open,
    options: socket.options,
    hello,
    ask,
    next: socket.next,
    close: socket.close,
  };
}

/** With the first reply, or right after it: what is wanted of an agent is read while the reply is made. */
async function firstOffer(agent: Awaited<ReturnType<typeof supervisor>>) {
  let { remoteConfig } = agent.hello;
  while (remoteConfig === undefined) ({ remoteConfig } = await agent.next());
  return remoteConfig;
}

test("an offer reaches a socket at once; APPLYING and APPLIED are its attempt's; then nothing more is sent", async () => {
  const agent = await supervisor();
  const target = await configuration(yaml("4317"));
  const hash = await give(target, agent);
  const offer = await agent.next();
  expect(toHex(offer.remoteConfig?.configHash ?? new Uint8Array())).toBe(hash);
  expect(bodyOf(offer)).toBe(yaml("4317"));
  expect(await delivery(agent.agentId)).toMatchObject({
    status: "offered",
    offer_hash: hash,
    reachable: true,
    offered_at: expect.any(Date),
  });
  await agent.ask(status(hash, "applying"));
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applying" });
  const reply = await agent.ask({
    ...status(hash, "applied"),
    health: { healthy: true, status: "StatusOK" },
  });
  expect(reply.remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({
    status: "applied",
    healthy: true,
    health_at: expect.any(Date),
  });
  const places = await readPlaces(plane.ctx(), target.configuration_id);
  expect(places.items).toMatchObject([{ version: 1, agents: 1, states: { in_sync: 1, failed: 0 } }]);
  await agent.close();
  expect(agent.hello.capabilities & SERVER_CAPABILITY.OffersRemoteConfig).not.toBe(0n);
});

test("one whose process ended while it applied its content is offered it once more, and so says what came of it", async () => {
  const agent = await supervisor();
  const hash = await give(await configuration(yaml("4317")), agent);
  await agent.next();
  await agent.ask(status(hash, "applying"));
  await agent.close();
  const again = await supervisor(status(hash, "applying"), agent);
  expect(toHex((await firstOffer(again)).configHash)).toBe(hash);
  expect((await again.ask()).remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applying", offer_hash: hash });
  expect((await again.ask(status(hash, "applied"))).remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applied", offer_hash: hash });
  expect((await again.ask()).remoteConfig).toBeUndefined();
  await again.close();
});

test("a version with an overlay comes to another content for the agents that its selector matches, and reaches them", async () => {
  const [prod, dev] = [await supervisor(), await supervisor()];
  for (const [{ agentId }, env] of [
    [prod, "prod"],
    [dev, "dev"],
  ] as const)
    await plane.base.storage.system
      .updateTable("agents")
      .set({ labels: JSON.stringify({ env }) })
      .where("id", "=", agentId)
      .execute();
  const made = await createConfiguration(plane.ctx(), {
    name: `c-${newId()}`,
    description: "",
    message: "First",
    body: yaml("4317"),
    overlays: [
      { name: "prod", selector: 'labels.env == "prod"', body: "exporters: {debug: {verbosity: basic}}\n" },
    ],
  });
  const target = { configuration_id: made.id, version: 1 };
  const composed = await inTransaction(plane.ctx(), (ctx) =>
    composeFor(ctx, target, [prod.agentId, dev.agentId]),
  );
  expect(composed.get(prod.agentId)).toMatchObject({ ok: true, overlays: ["prod"] });
  expect(composed.get(dev.agentId)).toMatchObject({ ok: true, overlays: [], shown: yaml("4317") });
  const hash = await give(target, prod);
  expect(await give(target, dev)).not.toBe(hash);
  expect(bodyOf(await prod.next())).toContain("verbosity: basic");
  expect(bodyOf(await dev.next())).toBe(yaml("4317"));
  await prod.ask(status(hash, "applied"));
  expect(await delivery(prod.agentId)).toMatchObject({ status: "applied" });
  await Promise.all([prod.close(), dev.close()]);
});

test("opamp rows 31 and 32: what failed is not offered again, the agent's own way back is understood, a retry works", async () => {
  const agent = await supervisor();
  const one = await configuration(yaml("4317"));
  const a = await give(one, agent);
  await agent.next();
  await agent.ask(status(a, "applied"));
  const two = await next(one, yaml("4318"));
  const b = await give(two, agent);
  await agent.next();
  const failed = await agent.ask(status(b, "failed", "port taken"));
  expect(failed.remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({ status: "failed", error_message: "port taken" });
  const back = await agent.ask(status(a, "applied"));
  expect(back.remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({
    offer_hash: b,
    status: "rolled_itself_back",
    error_message: "port taken",
    rolled_back_to: a,
  });
  const shown = await readAgentConfiguration(plane.ctx(), agent.agentId);
  expect(shown).toMatchObject({
    state: "failed",
    assigned: { version: 2, hash: b, inputs_changed: false },
    offered: [{ name: "config.yaml", body: yaml("4318") }],
    attempts: [
      { status: "rolled_itself_back", rolled_back_to: a },
      { status: "applied", hash: a },
    ],
  });
  expect(shown.sentence).toMatch(/^It could not run version 2 of c-.* and went back by itself: port taken$/);
  expect(await namesOf("config_state:failed")).toContain(agent.agentId);
  expect(await namesOf("config_state:in_sync")).not.toContain(agent.agentId);
  const called = shown.assigned?.configuration_name ?? "";
  expect(await namesOf(`configuration:${called}`)).toEqual([agent.agentId]);
  const [listed] = (
    await listFleet(plane.ctx(), { q: `configuration:${called}`, sort: "name", order: "asc", limit: 5 })
  ).items;
  expect(listed?.configuration).toEqual({
    id: shown.assigned?.configuration_id,
    name: called,
    version: 2,
    state: "failed",
  });
  expect((await readFacets(plane.ctx(), {})).configuration).toContainEqual({
    value: called,
    label: called,
    count: 1,
  });
  const tried = await inTransaction(plane.ctx(), (ctx) => retryDelivery(ctx, [agent.agentId]));
  expect(tried).toEqual([agent.agentId]);
  expect(bodyOf(await agent.next())).toBe(yaml("4318"));
  expect(await delivery(agent.agentId)).toMatchObject({ status: "offered", error_message: "" });
  await agent.ask(status(b, "applying"));
  await agent.ask(status(b, "applied"));
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applied", rolled_back_to: null });
  // Back to the first by assignment, and to what failed once: another rollout is another try.
  await give(one, agent);
  await agent.next();
  await agent.ask(status(a, "applied"));
  await agent.close();
});

test("a new assignment of what failed before is a new try", async () => {
  const agent = await supervisor();
  const one = await configuration(yaml("4317"));
  const a = await give(one, agent);
  await agent.next();
  await agent.ask(status(a, "failed", "no"));
  await plane.gateway.flush();
  const two = await next(one, yaml("4318"));
  const b = await give(two, agent);
  await agent.next();
  await agent.ask(status(b, "applied"));
  await plane.gateway.flush();
  await give(one, agent);
  expect(toHex((await agent.next()).remoteConfig?.configHash ?? new Uint8Array())).toBe(a);
  await agent.close();
});

test("an agent that polls gets it with its next poll", async () => {
  const agent = await newVisitor(plane, "dashboard");
  await agent.poll(message(agent.uid, 0, { capabilities: SUPERVISOR }));
  await plane.gateway.flush();
  const hash = await give(await configuration(yaml("4317")), agent);
  const offered = await until("the offer", async () => {
    const { message: reply } = await agent.poll(message(agent.uid, 1, { capabilities: SUPERVISOR }));
    return reply?.remoteConfig;
  });
  expect(toHex(offered.configHash)).toBe(hash);
  const applied = await agent.poll(
    message(agent.uid, 2, { capabilities: SUPERVISOR, ...status(hash, "applied") }),
  );
  expect(applied.message?.remoteConfig).toBeUndefined();
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applied" });
});

test("a secret is put in on the way and stands nowhere else; one that is missing holds the offer back until it is there", async () => {
  const agent = await supervisor();
  const secret = `S_${newId().replaceAll("-", "_")}`;
  const target = await configuration(
    yaml("4317", `extensions: {basicauth: {client_auth: {password: "\${secret:${secret}}"}}}\n`),
  );
  const missing = await inTransaction(plane.ctx(), (ctx) => composeFor(ctx, target, [agent.agentId]));
  expect(missing.get(agent.agentId)).toMatchObject({
    ok: false,
    reason_code: "not_delivered",
    reason: `It needs the secret ${secret}, which is not stored. Store it with \`flowplane secrets set ${secret}\`.`,
  });
  await putSecret(plane.ctx(), secret, { value: "first$1", site_id: null });
  const hash = await give(target, agent);
  const offer = await agent.next();
  expect(bodyOf(offer)).toContain('password: "first$$1"');
  const composed = await inTransaction(plane.ctx(), (ctx) => composeFor(ctx, target, [agent.agentId]));
  expect(composed.get(agent.agentId)).toMatchObject({ ok: true, hash });
  expect(JSON.stringify((composed.get(agent.agentId) as { shown: string }).shown)).not.toContain("first");
  await agent.ask(status(hash, "applied"));

  // Rotated: who has it is left alone; who comes without it gets the newest, and its assignment says so.
  await putSecret(plane.ctx(), secret, { value: "second", site_id: null });
  expect((await agent.ask()).remoteConfig).toBeUndefined();
  expect((await delivery(agent.agentId))?.offer_hash).toBe(hash);
  expect(await readAgentConfiguration(plane.ctx(), agent.agentId)).toMatchObject({
    state: "in_sync",
    assigned: { inputs_changed: true },
  });
  await agent.close();
  const reborn = await supervisor({ remoteConfigStatus: {} }, agent);
  const offered = await firstOffer(reborn);
  expect(bodyOf(reborn.hello)).toContain('password: "second"');
  expect(toHex(offered?.configHash ?? new Uint8Array())).not.toBe(hash);
  expect(await delivery(agent.agentId)).toMatchObject({
    offer_hash: toHex(offered?.configHash ?? new Uint8Array()),
    status: "offered",
  });
  await reborn.close();
});

test("an offer that lacks a value is held with the reason, and goes out when the value is there", async () => {
  const agent = await supervisor();
  const name = `S_${newId().replaceAll("-", "_")}`;
  const target = await configuration(
    yaml("4317", `extensions: {basicauth: {client_auth: {password: "\${secret:${name}}"}}}\n`),
  );
  await inTransaction(plane.ctx(), (ctx) =>
    assign(ctx, [{ agent_id: agent.agentId, ...target, rollout_id: null, offer_hash: "composed-once" }]),
  );
  await until("the reason", async () => (await delivery(agent.agentId))?.held_reason ?? undefined);
  expect((await delivery(agent.agentId))?.held_reason).toContain(`It needs the secret ${name}`);
  expect((await agent.ask()).remoteConfig).toBeUndefined();
  await putSecret(plane.ctx(), name, { value: "there", site_id: null });
  await plane.gateway.catchUp();
  expect(bodyOf(await agent.next())).toContain('password: "there"');
  expect(await delivery(agent.agentId)).toMatchObject({ held_reason: null, status: "offered" });
  await agent.close();
});

test("another node of the gateway goes on where the first was", async () => {
  const agent = await supervisor();
  const hash = await give(await configuration(yaml("4317")), agent);
  await agent.next();
  await plane.gateway.flush();
  plane = await plane.restart();
  // The listener has another port after a restart.
  const again = await supervisor(
    {},
    { ...agent, open: () => open(`ws://127.0.0.1:${plane.httpPort}/v1/opamp`, agent.options) },
  );
  const offer = await firstOffer(again);
  expect(toHex(offer?.configHash ?? new Uint8Array())).toBe(hash);
  await again.ask(status(hash, "applied"));
  expect(await delivery(agent.agentId)).toMatchObject({ status: "applied", offer_hash: hash });
  await again.close();
});

test("opamp rows 27 and 28: an agent that stops accepting is offered nothing, and is again when it accepts", async () => {
  const agent = await supervisor();
  const without = SUPERVISOR & ~AGENT_CAPABILITY.AcceptsRemoteConfig;
  await agent.ask({ capabilities: without });
  await plane.gateway.flush();
  const target = await configuration(yaml("4317"));
  const refused = await inTransaction(plane.ctx(), (ctx) => composeFor(ctx, target, [agent.agentId]));
  expect(refused.get(agent.agentId)).toMatchObject({ ok: false, reason_code: "not_configurable" });
  await inTransaction(plane.ctx(), (ctx) =>
    assign(ctx, [{ agent_id: agent.agentId, ...target, rollout_id: null, offer_hash: "later" }]),
  );
  await until(
    "the composition",
    async () => (await delivery(agent.agentId))?.offer_hash !== "later" || undefined,
  );
  expect((await agent.ask({ capabilities: without })).remoteConfig).toBeUndefined();
  expect(bodyOf(await agent.ask({ capabilities: SUPERVISOR }))).toBe(yaml("4317"));
  await agent.close();
});

test("nothing of ours: its own files are left to it, or its Collector is stopped where it ran nothing", async () => {
  const config = (body: string) => ({
    effectiveConfig: { configMap: { configMap: { "": { body: Buffer.from(body) } } } },
  });
  const target = await configuration(yaml("4317"));
  for (const [own, expected] of [
    [yaml("9999"), "{}\n"],
    ["extensions: {opamp: {}}\n", null],
  ] as const) {
    const agent = await supervisor(config(own));
    await plane.gateway.flush();
    const hash = await give(target, agent);
    await agent.next();
    await agent.ask(status(hash, "applied"));
    await plane.gateway.flush();
    await give(null, agent);
    const sent = (await agent.next()).remoteConfig?.config?.configMap ?? {};
    const bodies = Object.entries(sent).map(([name, entry]) => [name, Buffer.from(entry.body).toString()]);
    expect(bodies).toEqual(expected === null ? [] : [["config.yaml", expected]]);
    await agent.close();
  }
});

test("two entries of what it runs are held together against what it was offered, without what is added on the way", async () => {
  const agent = await supervisor();
  const hash = await give(await configuration(yaml("4317")), agent);
  await agent.next();
  const entries = (added: string) => ({
    effectiveConfig: {
      configMap: {
        configMap: {
          "": {
            body: Buffer.from(
              `extensions: {opamp: {server: {}}}\nservice: {extensions: [opamp], telemetry: {resource: {a: b}}}\n${added}`,
            ),
          },
          "base.yaml": { body: Buffer.from(yaml("4317").replace("debug: {}", "debug:")) },
        },
      },
    },
  });
  await agent.ask({ ...status(hash, "applied"), ...entries("") });
  await plane.gateway.flush();
  expect((await readAgentConfiguration(plane.ctx(), agent.agentId)).drift).toEqual({
    in_sync: true,
    changes: [],
  });
  await agent.ask(
    entries('receivers: {otlp: {protocols: {grpc: {endpoint: "0.0.0.0:4317"}}}, hostmetrics: }\n'),
  );
  await plane.gateway.flush();
  expect((await readAgentConfiguration(plane.ctx(), agent.agentId)).drift).toEqual({
    in_sync: false,
    changes: [
      "The receiver otlp runs with another protocols.grpc.endpoint.",
      "It also runs the receiver hostmetrics, which is not in the configuration: from files of its own.",
    ],
  });
  await agent.close();
});

test("a thousand agents are composed for with one object for all, and assigned together", async () => {
  const ids = Array.from({ length: 1_000 }, () => newId());
  await plane.base.storage.system
    .insertInto("agents")
    .values(
      ids.map((id) => ({
        id,
        organization_id: plane.organizationId,
        site_id: plane.siteId,
        kind: "collector" as const,
        name: id,
        approval: "approved" as const,
        labels: "{}",
        capabilities: Number(SUPERVISOR),
      })),
    )
    .execute();
  const target = await configuration(yaml("4317"));
  await inTransaction(plane.ctx(), async (ctx) => {
    const composed = await composeFor(ctx, target, ids);
    expect(composed.size).toBe(ids.length);
    const values = [...composed.values()].flatMap((one) => (one.ok ? [one.rendering] : []));
    expect(new Set(values).size).toBe(1);
    await assign(
      ctx,
      ids.map((agent_id) => ({
        agent_id,
        ...target,
        rollout_id: null,
        offer_hash: values[0]?.hash ?? "",
      })),
    );
    expect((await readDeliveries(ctx.db, ids)).size).toBe(ids.length);
  });
});

test("a variable of the agent's site wins over the organization's, and a port stays a number", async () => {
  const agent = await supervisor();
  const name = `V_${newId().replaceAll("-", "_")}`;
  const target = await configuration(
    yaml("4317").replace(
      "debug: {}",
      `debug: {sampling_initial: "\${var:${name}}", verbosity: "\${var:site}"}`,
    ),
  );
  const compose = async () =>
    (await inTransaction(plane.ctx(), (ctx) => composeFor(ctx, target, [agent.agentId]))).get(agent.agentId);
  expect(await compose()).toMatchObject({
    ok: false,
    reason: `It needs the variable ${name}, which has no value for the site default. Set it with PUT /api/v1/variables/${name}.`,
  });
  await putVariable(plane.ctx(), name, { value: "1", site_id: null });
  const shared = await compose();
  await putVariable(plane.ctx(), name, { value: "2", site_id: plane.siteId });
  const own = await compose();
  expect([shared, own].map((one) => (one?.ok === true ? one.rendering.offer.entries[0]?.body : ""))).toEqual([
    expect.stringContaining('sampling_initial: 1, verbosity: "default"'),
    expect.stringContaining('sampling_initial: 2, verbosity: "default"'),
  ]);
  await agent.close();
});
