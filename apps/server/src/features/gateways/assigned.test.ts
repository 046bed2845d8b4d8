import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { systemActor } from "../../platform/system-actor.ts";
import { inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { identityWorld, type CallOptions, type IdentityWorld } from "../../testing/identity.ts";
import { createConfiguration } from "../configurations/configurations.ts";
import { createVersion } from "../configurations/versions.ts";
import { assign, composeFor, readDeliveries, type Target } from "../delivery/delivery.ts";
import { openEnrolment } from "../enrolment/enrolment.ts";
import { putSecret } from "../secrets/secrets.ts";
import { BASE_CONFIGURATION } from "./base-configuration.ts";
import { gatewayApiRoutes } from "./routes.ts";

// What is assigned to a gateway: who gets it in which form, and what counts as having it.

let clock = Date.parse("2026-03-01T10:00:00.000Z");
let world: IdentityWorld;
let ctx: Ctx;
let gateway: { id: string; token: string; instance: string };

beforeAll(async () => {
  world = await identityWorld({
    now: () => clock,
    async serve(http) {
      const enrolment = await openEnrolment(http.base, {
        agentsUrl: () => "https://flowplane.example:4320",
        httpUrl: () => "http://flowplane.example:4300",
      });
      gatewayApiRoutes(http, enrolment);
    },
  });
  const actor = systemActor(world.installation.organization_id);
  ctx = { ...world.base, actor, requestId: "test", remoteAddress: null };
});
afterAll(() => world[Symbol.asyncDispose]());

beforeEach(async () => {
  const instance = `gateway-${newId()}`;
  const { token } = await json("POST", "/registration-tokens", { body: {} });
  const { id, opamp_token } = await json("POST", "/gateways", {
    token: String(token),
    body: { name: instance, instance_id: instance },
  });
  gateway = { id: String(id), token: String(opamp_token), instance };
});

async function call(method: "GET" | "POST", path: string, options: CallOptions = {}) {
  const { statusCode: status, headers, body } = await world.call(method, path, options);
  return { status, headers, body };
}

async function json(method: "GET" | "POST", path: string, options: CallOptions = {}) {
  return JSON.parse((await call(method, path, options)).body) as Record<string, unknown>;
}

const own = () => json("GET", `/opamp/config/${gateway.instance}`, { token: gateway.token });
const shown = () => json("GET", `/gateways/${gateway.id}/config`);
const beat = (body: object) =>
  call("POST", `/opamp/heartbeat/${gateway.instance}`, { token: gateway.token, body });
const fetchText = (etag?: string) =>
  call("GET", `/opamp/config/${gateway.instance}`, {
    token: gateway.token,
    headers: { accept: "application/yaml", ...(etag === undefined ? {} : { "if-none-match": etag }) },
  });

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

async function configuration(body: string): Promise<Target> {
  const made = await createConfiguration(ctx, {
    name: `c-${newId()}`,
    description: "",
    message: "First",
    body,
  });
  return { configuration_id: made.id, version: 1 };
}

async function next(target: Target, body: string): Promise<Target> {
  const { version } = await createVersion(ctx, target.configuration_id, { body, message: "Next" });
  return { ...target, version };
}

async function give(target: Target | null): Promise<string> {
  return inTransaction(ctx, async (ctx) => {
    const composed = (await composeFor(ctx, target, [gateway.id])).get(gateway.id);
    if (composed?.ok !== true) throw new Error(composed?.reason ?? "no such gateway");
    const { configuration_id = null, version = null } = target ?? {};
    const offer_hash = composed.hash;
    await assign(ctx, [{ agent_id: gateway.id, configuration_id, version, rollout_id: null, offer_hash }]);
    return offer_hash;
  });
}

const delivery = () =>
  inTransaction(ctx, async (ctx) => (await readDeliveries(ctx.db, [gateway.id], clock)).get(gateway.id));

test("a gateway gets what is assigned to it with its secrets, people see it without", async () => {
  await putSecret(ctx, "gw_port", { value: "s3cret-port", site_id: null });
  const hash = await give(await configuration(yaml("${secret:gw_port}")));
  const expected = {
    config_version: 1,
    config_hash: hash,
    deployment_id: null,
    last_updated: new Date(clock).toISOString(),
  };
  expect(await own()).toEqual({ ...expected, config_yaml: expect.stringContaining("127.0.0.1:s3cret-port") });
  const seen = await call("GET", `/gateways/${gateway.id}/config`);
  expect(JSON.parse(seen.body)).toEqual({
    ...expected,
    config_yaml: expect.stringContaining("${secret:gw_port}"),
  });
  const status = await call("GET", `/gateways/${gateway.id}/status`);
  expect(JSON.parse(status.body)).toMatchObject({ config: JSON.parse(seen.body) as object });
  expect(seen.body + status.body).not.toContain("s3cret");
  const text = await fetchText();
  expect([text.status, text.headers.etag]).toEqual([200, `"${hash}"`]);
  expect(text.body).toContain("s3cret-port");
});

test("it is waiting until it was fetched, offered until a heartbeat names its hash, then applied", async () => {
  const hash = await give(await configuration(yaml("4317")));
  expect(await delivery()).toMatchObject({ status: "waiting", reachable: false });
  await shown();
  await beat({});
  expect(await delivery()).toMatchObject({ status: "waiting", offered_at: null, reachable: true });
  await fetchText();
  expect(await delivery()).toMatchObject({ status: "offered", offered_at: new Date(clock) });
  await beat({ config_hash: "0".repeat(64), config_version: 1 });
  expect(await delivery()).toMatchObject({ status: "offered" });
  await beat({ config_hash: hash });
  expect(await delivery()).toMatchObject({ status: "applied" });
  const unchanged = await fetchText(`"${hash}"`);
  expect([unchanged.status, unchanged.body]).toEqual([304, ""]);
});

test("a version alone counts when it was fetched and another was said before", async () => {
  const first = await configuration(yaml("4317"));
  await give(first);
  await beat({ config_version: 1 });
  expect(await delivery()).toMatchObject({ status: "waiting" });
  const second = await next(first, yaml("4318"));
  await give(second);
  await own();
  await beat({ config_version: 1 });
  expect(await delivery()).toMatchObject({ status: "offered" });
  await beat({ config_version: 2 });
  expect(await delivery()).toMatchObject({ status: "applied" });
  // Version 2 of another configuration: what it said of version 2 is of the former.
  await give(await next(await configuration(yaml("4319")), yaml("4320")));
  await own();
  await beat({ config_version: 2 });
  expect(await delivery()).toMatchObject({ status: "offered" });
});

test("one that names an older content after it applied a newer went back by itself", async () => {
  const first = await configuration(yaml("4317"));
  const before = await give(first);
  await own();
  await beat({ config_hash: before });
  const after = await give(await next(first, yaml("4318")));
  await own();
  await beat({ config_hash: before });
  expect(await delivery()).toMatchObject({ status: "offered" });
  await beat({ config_hash: after });
  expect(await delivery()).toMatchObject({ status: "applied" });
  await beat({ config_hash: before });
  expect(await delivery()).toMatchObject({ status: "rolled_itself_back", rolled_back_to: before });
});

test("one that never names a content and says an older version after it applied a newer went back by itself", async () => {
  const first = await configuration(yaml("4317"));
  await give(first);
  await beat({ config_version: 1 });
  await give(await next(first, yaml("4318")));
  await own();
  await beat({ config_version: 1 });
  expect(await delivery()).toMatchObject({ status: "offered" });
  await beat({ config_version: 2 });
  expect(await delivery()).toMatchObject({ status: "applied" });
  await beat({ config_version: 2 });
  expect(await delivery()).toMatchObject({ status: "applied" });
  await beat({ config_version: 1 });
  expect(await delivery()).toMatchObject({ status: "rolled_itself_back", rolled_back_to: null });
});

test("how it says that it is stays until it says otherwise, and is of the moment it was said", async () => {
  const answer = await beat({ status: "error", status_message: ` the port is taken: ${"😀".repeat(1_000)}` });
  expect(answer.status).toBe(200);
  const said = clock;
  expect(await json("GET", `/gateways/${gateway.id}/status`)).toMatchObject({
    status: "error",
    health: { status: "unhealthy", health_score: 20 },
  });
  await give(await configuration(yaml("4317")));
  clock += 10_000;
  await beat({});
  expect(await delivery()).toMatchObject({
    healthy: false,
    health_status: `the port is taken: ${"😀".repeat(490)}\u{fffd}`,
    health_at: new Date(said),
  });
  await beat({ status: "active" });
  expect(await delivery()).toMatchObject({ healthy: true, health_status: "", health_at: new Date(clock) });
  expect((await beat({ status: "fine" })).status).toBe(400);
});

test("one given again what it says it runs has it without another fetch", async () => {
  const first = await configuration(yaml("4317"));
  const hash = await give(first);
  await own();
  await beat({ config_hash: hash });
  await give(await next(first, yaml("4318")));
  await give(first);
  expect(await delivery()).toMatchObject({ offer_hash: hash, status: "applied" });
});

test("a secret that changed comes with the next fetch of who has not got it, and not to who has", async () => {
  const put = (value: string) => putSecret(ctx, "gw_moved", { value, site_id: null });
  await put("one");
  const hash = await give(await configuration(yaml("${secret:gw_moved}")));
  await put("two");
  expect((await fetchText(`"${hash}"`)).status).toBe(304);
  const fetched = await fetchText();
  expect(fetched.body).toContain("127.0.0.1:two");
  expect(fetched.headers.etag).not.toBe(`"${hash}"`);
  expect(await delivery()).toMatchObject({
    status: "offered",
    offer_hash: JSON.parse(String(fetched.headers.etag)) as string,
  });
});

test("what is held is an error that says why, to the gateway and to people; status has none", async () => {
  const target = await configuration(yaml("${secret:gw_unknown}"));
  await inTransaction(ctx, (ctx) =>
    assign(ctx, [{ agent_id: gateway.id, ...target, rollout_id: null, offer_hash: "0".repeat(64) }]),
  );
  const said = { status: 409, detail: expect.stringContaining("needs the secret gw_unknown") };
  expect(await own()).toMatchObject(said);
  expect(await shown()).toMatchObject(said);
  expect(await json("GET", `/gateways/${gateway.id}/status`)).toMatchObject({ config: null });
  expect(await delivery()).toMatchObject({
    held_reason: expect.stringContaining("gw_unknown"),
    status: "waiting",
  });
  await putSecret(ctx, "gw_unknown", { value: "found", site_id: null });
  expect(await own()).toMatchObject({ config_yaml: expect.stringContaining("127.0.0.1:found") });
  expect(await delivery()).toMatchObject({ held_reason: null, status: "offered" });
});

test("taken back to nothing of ours, it gets the base configuration, and has it when it says so", async () => {
  await give(await configuration(yaml("4317")));
  await own();
  await beat({ config_version: 1 });
  clock += 1_000;
  await give(null);
  expect(await own()).toMatchObject({ config_yaml: BASE_CONFIGURATION, config_version: 0 });
  await beat({ config_version: 0 });
  expect(await delivery()).toMatchObject({ status: "applied" });
});
