import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkConfig } from "@flowplane/collector-config";
import { newId } from "../../platform/context.ts";
import { testOrganization } from "../../testing/base.ts";
import { BASE_CONFIGURATION } from "./base-configuration.ts";
import { gatewaysWorld, refusal, REGISTRATION, SECOND, type GatewaysWorld } from "./testing.ts";

// The gateway API as its reference says it, for gateways that are registered: keys, statuses and sentences.

let world: GatewaysWorld;
beforeAll(async () => {
  world = await gatewaysWorld();
});
afterAll(() => world.close());
beforeEach(() => world.nextInstance());

describe("heartbeats", () => {
  test("answer ok and make the gateway active; no body and an empty one are the same", async () => {
    const { id, token } = await world.registered();
    expect(await health(id)).toEqual({
      status: "offline",
      last_seen: null,
      seconds_since_last_seen: null,
      uptime_seconds: null,
      health_score: 0,
    });
    expect(await world.heartbeat(token)).toEqual({ status: 200, body: { status: "ok", gateway_id: id } });
    const typed = await world.call("POST", `/opamp/heartbeat/${world.instance}`, {
      token,
      headers: { "content-type": "application/json" },
    });
    expect(typed.status).toBe(200);
    expect((await world.json("GET", `/agents/${id}`)).body).toMatchObject({
      state: "connected",
      transport: "http",
      credential: "bearer",
    });
    const list = await world.json("GET", `/gateways?org_id=${world.organizationId}&limit=1`);
    expect(list.body["items"]).toMatchObject([{ id, instance_id: world.instance, status: "active" }]);
  });

  test("are believed from their own gateway alone", async () => {
    const one = await world.registered();
    const ones = world.instance;
    world.instance += "-other";
    const other = await world.registered();
    const mismatch = refusal(403, "Instance ID does not match token");
    expect(await world.heartbeat(one.token, {}, world.instance)).toMatchObject(mismatch);
    expect(await world.heartbeat(other.token, {}, ones)).toMatchObject(mismatch);
    expect(await world.heartbeat(one.token, {}, "nobodys-gateway")).toMatchObject(mismatch);
    for (const id of [one.id, other.id]) expect(await health(id)).toMatchObject({ last_seen: null });

    const invalid = refusal(401, "Invalid OpAMP token");
    for (const token of [
      null,
      "nonsense",
      world.identity.key,
      `${one.token}x`,
      await world.registrationToken(),
    ])
      expect(await world.json("POST", `/opamp/heartbeat/${ones}`, { token })).toMatchObject(invalid);
  });

  test("of a token that was revoked, whose gateway was deleted, or that has expired are refused", async () => {
    const { id, token } = await world.registered();
    expect(await world.heartbeat(token)).toMatchObject({ status: 200 });
    const bearers = await world.json("GET", "/bearers");
    await world.call("DELETE", `/bearers/${bearers.body.items[0]?.id}`);
    const revoked = await world.heartbeat(token);
    expect(revoked).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(revoked.body["hint"]).toContain("revoked");

    world.instance += "-deleted";
    const deleted = await world.registered();
    await world.call("DELETE", `/agents/${deleted.id}`);
    expect(await world.heartbeat(deleted.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));

    world.instance += "-expired";
    const expired = await world.registered();
    world.clock += 366 * 86_400 * SECOND;
    expect(await world.heartbeat(expired.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(await health(id)).toMatchObject({ status: "unhealthy" });
  });

  test("carry metadata and counts, in a field of their own or within the metadata", async () => {
    const { id, token } = await world.registered();
    await world.heartbeat(token, {
      metrics: { logs_processed: 1_000, errors: 0, latency_ms: 50.5 },
      config_version: 3,
    });
    const at = new Date(world.clock).toISOString();
    expect((await world.json("GET", `/gateways/${id}/metrics`)).body).toEqual({
      logs_processed: 1_000,
      errors: 0,
      latency_ms: 50.5,
      last_updated: at,
    });
    world.clock += SECOND;
    await world.heartbeat(token, {
      metadata: { ...REGISTRATION.metadata, version: "1.1.0", logs_processed: 2_000 },
    });
    const { body } = await world.json("GET", `/gateways/${id}/status?org_id=${world.organizationId}`);
    expect(body).toMatchObject({
      version: { agent_version: "1.1.0", otel_version: "0.88.0" },
      metrics: { logs_processed: 2_000, errors: 0, last_updated: new Date(world.clock).toISOString() },
    });
    expect((await world.json("GET", `/agents/${id}`)).body).toMatchObject({
      version: "1.1.0",
      identifying_attributes: { "service.version": "1.1.0" },
    });
    const list = await world.json("GET", "/gateways?limit=1");
    expect(list.body["items"]).toMatchObject([{ id, current_config_version: 3 }]);
  });

  test.each([
    [{ metrics: { logs_processed: -1 } }],
    [{ metrics: { errors: 1.5 } }],
    [{ metrics: { latency_ms: "50" } }],
    [{ metrics: [] }],
    [{ config_version: 1e12 }],
    [{ metadata: { deep: "x".repeat(20_000) } }],
    [[]],
  ])("with wrong input %# are refused", async (body) => {
    const { token } = await world.registered();
    expect(await world.heartbeat(token, body)).toMatchObject({ status: 400 });
  });

  test("of many gateways at once are each answered and each written", async () => {
    const gateways = [];
    for (let number = 0; number < 20; number += 1) {
      world.instance = `crowd-${world.numbers}-${number}`;
      gateways.push({ ...(await world.registered()), name: world.instance });
    }
    const answers = await Promise.all(
      gateways.flatMap(({ token, name }, index) => [
        world.heartbeat(token, { metrics: { errors: index } }, name),
        world.heartbeat(token, { metrics: { logs_processed: index } }, name),
      ]),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const [index, { id }] of gateways.entries())
      expect((await world.json("GET", `/gateways/${id}/metrics`)).body).toMatchObject({
        errors: index,
        logs_processed: index,
      });
  });

  test("bind a gateway that a bearer was made for to the name it first comes by", async () => {
    const made = await world.json("POST", "/bearers", { body: { name: "edge", kind: "gateway" } });
    const token = made.body["secret"] as string;
    expect(await world.heartbeat(token)).toMatchObject({ status: 200 });
    expect(await world.heartbeat(token, {}, `${world.instance}-other`)).toMatchObject({ status: 403 });
    const id = made.body.bearer.agent_id as string;
    expect((await world.json("GET", `/gateways/${id}/status`)).body).toMatchObject({
      instance_id: world.instance,
    });
    expect((await world.json("GET", `/agents/${id}`)).body).toMatchObject({ state: "connected" });
    // A name that another gateway has is not to be had by coming first under it.
    const second = await world.json("POST", "/bearers", { body: { name: "edge 2", kind: "gateway" } });
    expect(await world.heartbeat(second.body["secret"] as string)).toMatchObject({ status: 403 });
    // Nor does any other agent's bearer make it a gateway.
    const collector = await world.json("POST", "/bearers", { body: { name: "edge 3" } });
    expect(await world.heartbeat(collector.body["secret"] as string, {}, "edge-3")).toMatchObject({
      status: 403,
    });
  });
});

describe("health", () => {
  test("goes by when it was last heard", async () => {
    const { id, token } = await world.registered();
    await world.heartbeat(token);
    const cameAt = world.clock;
    const steps = [
      [15, "healthy", 100],
      [60, "healthy", 100],
      [61, "warning", 50],
      [300, "warning", 50],
      [301, "unhealthy", 20],
    ] as const;
    for (const [seconds, status, health_score] of steps) {
      world.clock = cameAt + seconds * SECOND;
      expect(await health(id)).toEqual({
        status,
        last_seen: new Date(cameAt).toISOString(),
        seconds_since_last_seen: seconds,
        uptime_seconds: seconds,
        health_score,
      });
    }
    await world.heartbeat(token);
    // It had been away for longer than an agent may be: its time counts anew.
    expect(await health(id)).toMatchObject({ status: "healthy", uptime_seconds: 0 });
    world.clock += 60 * SECOND;
    await world.heartbeat(token);
    expect(await health(id)).toMatchObject({ status: "healthy", uptime_seconds: 60 });
    await world.call("POST", `/agents/${id}/revoke`, { body: { reason: "test" } });
    expect(await health(id)).toMatchObject({ status: "offline", health_score: 0 });
  });
});

describe("reading", () => {
  test("status is health, version, configuration and metrics, and each alone is the same", async () => {
    const { id, token } = await world.registered();
    await world.heartbeat(token);
    const { status, body } = await world.json("GET", `/gateways/${id}/status?org_id=${world.organizationId}`);
    expect([status, body]).toEqual([
      200,
      {
        gateway_id: id,
        instance_id: world.instance,
        name: "FlowGate Gateway",
        status: "active",
        health: expect.objectContaining({ status: "healthy", seconds_since_last_seen: 0 }),
        version: {
          agent_version: "1.0.0",
          otel_version: "0.88.0",
          capabilities: ["AcceptsRemoteConfig", "ReportsEffectiveConfig"],
        },
        config: {
          config_yaml: BASE_CONFIGURATION,
          config_version: 0,
          config_hash: null,
          deployment_id: null,
          last_updated: null,
        },
        metrics: { logs_processed: null, errors: null, latency_ms: null, last_updated: null },
      },
    ]);
    for (const part of ["health", "version", "config", "metrics"])
      expect(await world.json("GET", `/gateways/${id}/${part}?org_id=${world.organizationId}`)).toEqual({
        status: 200,
        body: body[part],
      });
  });

  test("of nobody, of no gateway, or for another organization finds nothing", async () => {
    const { id } = await world.registered();
    const { ctx } = await testOrganization(world.identity.base);
    const { body } = await world.json("POST", "/bearers", { body: { name: "a collector" } });
    const paths = [
      `/gateways/${newId()}`,
      "/gateways/gateway-1",
      `/gateways/${body.bearer.agent_id}`,
      `/gateways/${id}`,
    ];
    for (const path of paths) {
      const query = path.endsWith(id) ? `?org_id=${ctx.actor.organization_id}` : "";
      for (const part of ["status", "health", "version", "metrics"])
        expect(await world.json("GET", `${path}/${part}${query}`)).toMatchObject(
          refusal(404, "Gateway not found"),
        );
      expect(await world.json("GET", `${path}/config${query}`)).toMatchObject(
        refusal(404, "Gateway not found or no active config"),
      );
    }
    expect(await world.json("GET", `/gateways?org_id=${ctx.actor.organization_id}`)).toMatchObject({
      status: 404,
    });
  });

  test("the list comes in pages, newest first", async () => {
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      world.instance = `page-${world.numbers}-${number}`;
      ids.unshift((await world.registered()).id);
    }
    const first = await world.json("GET", "/gateways?limit=2");
    const second = await world.json("GET", `/gateways?limit=1&cursor=${first.body.next_cursor}`);
    const listed = [...first.body.items, ...second.body.items];
    expect(listed.map((gateway) => gateway.id)).toEqual(ids);
  });
});

describe("the gateway's own configuration", () => {
  test("is the base configuration while nothing is assigned, as JSON or as text", async () => {
    const { id, token } = await world.registered();
    const own = await world.json("GET", `/opamp/config/${world.instance}`, { token });
    expect(own).toEqual(await world.json("GET", `/gateways/${id}/config`));
    const text = await world.call("GET", `/opamp/config/${world.instance}`, {
      token,
      headers: { accept: "application/yaml" },
    });
    expect([text.status, text.headers["content-type"], text.text]).toEqual([
      200,
      "application/yaml",
      BASE_CONFIGURATION,
    ]);
    const unchanged = await world.call("GET", `/opamp/config/${world.instance}`, {
      token,
      headers: { accept: "application/yaml", "if-none-match": String(text.headers.etag) },
    });
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
  });

  test("is told to its own gateway alone", async () => {
    const { token } = await world.registered();
    expect(await world.json("GET", "/opamp/config/somebody-else", { token })).toMatchObject(
      refusal(403, "Instance ID does not match token"),
    );
    expect(await world.json("GET", `/opamp/config/${world.instance}`)).toMatchObject(
      refusal(401, "Invalid OpAMP token"),
    );
  });

  test("the base configuration has nothing that a Collector would refuse", () => {
    expect(checkConfig(BASE_CONFIGURATION).problems).toEqual([]);
  });
});

test("/v1 is an alias", async () => {
  const { token } = await world.registered();
  const { statusCode } = await world.identity.http.fastify.inject({
    method: "POST",
    url: `/v1/opamp/heartbeat/${world.instance}`,
    headers: { authorization: `Bearer ${token}` },
  });
  expect(statusCode).toBe(200);
});

async function health(id: string) {
  return (await world.json("GET", `/gateways/${id}/health`)).body;
}
