import { decodeJwt } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { checkConfig } from "@flowplane/collector-config";
import { identityWorld, type CallOptions, type IdentityWorld } from "../../testing/identity.ts";
import { testOrganization } from "../../testing/base.ts";
import { newId } from "../../platform/context.ts";
import { createBearer } from "../enrolment/bearers.ts";
import { openEnrolment, type Enrolment } from "../enrolment/enrolment.ts";
import { enrolmentRoutes } from "../enrolment/routes.ts";
import { createToken } from "../enrolment/tokens.ts";
import { fleetRoutes } from "../fleet/routes.ts";
import { BASE_CONFIGURATION } from "./base-configuration.ts";
import { gatewayApiRoutes } from "./routes.ts";

// The gateway API as its reference says it: keys, statuses and sentences.

const SECOND = 1_000;
const REGISTRATION = {
  name: "FlowGate Gateway",
  hostname: "gateway.example.com",
  ip_address: "192.168.1.100",
  metadata: {
    version: "1.0.0",
    otel_version: "0.88.0",
    capabilities: ["AcceptsRemoteConfig", "ReportsEffectiveConfig"],
  },
};

let clock = Date.parse("2026-03-01T10:00:00.000Z");
let world: IdentityWorld;
let enrolment: Enrolment;
let organizationId: string;
let instance = "";
let numbers = 0;

beforeAll(async () => {
  world = await identityWorld({
    now: () => clock,
    async serve(http) {
      enrolment = await openEnrolment(http.base, {
        agentsUrl: () => "https://flowplane.example:4320",
        httpUrl: () => "http://flowplane.example:4300",
      });
      enrolmentRoutes(http, enrolment);
      fleetRoutes(http);
      gatewayApiRoutes(http, enrolment);
    },
  });
  organizationId = world.installation.organization_id;
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => {
  numbers += 1;
  instance = `gateway-${numbers}`;
});

async function call(method: "GET" | "POST" | "DELETE", path: string, options: CallOptions = {}) {
  const response = await world.call(method, path, options);
  return { status: response.statusCode, headers: response.headers, text: response.body };
}

/** Whatever was answered, and of what others read their members. */
type Body = Record<string, unknown> & {
  readonly id: string;
  readonly next_cursor: string;
  readonly items: { readonly id: string }[];
  readonly bearer: { readonly agent_id: string };
};

async function json(method: "GET" | "POST" | "DELETE", path: string, options: CallOptions = {}) {
  const { status, text } = await call(method, path, options);
  return { status, body: text === "" ? ({} as Body) : (JSON.parse(text) as Body) };
}

async function registrationToken(): Promise<string> {
  const { status, body } = await json("POST", `/registration-tokens?org_id=${organizationId}`, {
    body: { name: "Gateway Registration", expires_in_days: 30 },
  });
  expect(status).toBe(201);
  return body["token"] as string;
}

function register(token: string, body: object = {}) {
  return json("POST", "/gateways", { token, body: { ...REGISTRATION, instance_id: instance, ...body } });
}

async function registered() {
  const { status, body } = await register(await registrationToken());
  expect([status, body]).toMatchObject([201, {}]);
  return { id: body.id, token: body["opamp_token"] as string };
}

function heartbeat(token: string, body?: object, name = instance) {
  return json("POST", `/opamp/heartbeat/${name}`, { token, ...(body === undefined ? {} : { body }) });
}

const refusal = (status: number, detail: string) => ({ status, body: { status, detail } });

describe("registration tokens", () => {
  test("are enrolment tokens, good for one gateway, answered once", async () => {
    const { status, body } = await json("POST", `/registration-tokens?org_id=${organizationId}`, {
      body: { name: "Gateway Registration", expires_in_days: 30 },
    });
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        org_id: organizationId,
        name: "Gateway Registration",
        token: expect.stringMatching(/^fpe_/),
        expires_at: new Date(clock + 30 * 86_400 * SECOND).toISOString(),
        is_active: true,
        created_by: expect.any(String),
        created_at: new Date(clock).toISOString(),
      },
    ]);
    const listed = await json("GET", `/enrolment-tokens/${body.id}`);
    expect(listed.body).toMatchObject({ uses_max: 1, uses: 0, approval: "automatic", state: "usable" });
    expect(JSON.stringify(listed.body)).not.toContain(body["token"]);
  });

  test("of another organization are not to be had", async () => {
    const { status } = await json("POST", `/registration-tokens?org_id=${newId()}`, { body: {} });
    expect(status).toBe(404);
  });

  test.each([0, 366, 1.5, "30"])("are not made for %s days", async (expires_in_days) => {
    const { status } = await json("POST", "/registration-tokens", { body: { expires_in_days } });
    expect(status).toBe(400);
  });
});

describe("registration", () => {
  test("answers what the reference says, and the gateway is an agent like the others", async () => {
    const { status, body } = await register(await registrationToken());
    expect([status, body]).toEqual([
      201,
      {
        id: expect.any(String),
        name: "FlowGate Gateway",
        instance_id: instance,
        org_id: organizationId,
        status: "registered",
        opamp_token: expect.any(String),
        opamp_endpoint: "http://flowplane.example:4300/api/v1/opamp/v1/opamp",
        created_at: new Date(clock).toISOString(),
      },
    ]);
    expect(decodeJwt(body["opamp_token"] as string)).toMatchObject({
      sub: body.id,
      org_id: organizationId,
      type: "opamp_token",
      iat: clock / SECOND,
      exp: clock / SECOND + 365 * 86_400,
    });
    const agent = await json("GET", `/agents/${body.id}`);
    expect(agent.body).toMatchObject({
      kind: "gateway",
      name: "FlowGate Gateway",
      version: "1.0.0",
      hostname: "gateway.example.com",
      identifying_attributes: { "service.instance.id": instance, "service.version": "1.0.0" },
      non_identifying_attributes: { "host.ip": "192.168.1.100", otel_version: "0.88.0" },
    });
    expect(
      (agent.body["capabilities"] as { name: string; present: boolean }[])
        .filter(({ present }) => present)
        .map(({ name }) => name),
    ).toEqual(["ReportsStatus", "AcceptsRemoteConfig", "ReportsEffectiveConfig"]);
  });

  test("needs a token that is there, unused, unexpired and not revoked; the hint says which it is", async () => {
    const invalid = refusal(401, "Invalid or expired registration token");
    expect(await json("POST", "/gateways", { token: null, body: REGISTRATION })).toMatchObject(invalid);
    expect(await register("fpe_nonsense")).toMatchObject(invalid);
    // A person's key registers nobody.
    expect(await register(world.key)).toMatchObject(invalid);

    const used = await registrationToken();
    expect(await register(used)).toMatchObject({ status: 201 });
    instance += "-second";
    const again = await register(used);
    expect(again).toMatchObject(invalid);
    expect(again.body["hint"]).toContain("1 use");

    const expired = await registrationToken();
    clock += 31 * 86_400 * SECOND;
    const late = await register(expired);
    expect(late).toMatchObject(invalid);
    expect(late.body["hint"]).toContain("expired");

    const ctx = (await testOrganization(world.base)).ctx;
    const elsewhere = await createToken(ctx, enrolment, {
      name: "x",
      labels: {},
      approval: "automatic",
      uses_max: 1,
      expires_in_seconds: 60,
    });
    // It is another organization's: what it lets in is there, and not seen here.
    const theirs = await register(elsewhere.secret);
    expect(theirs.body["org_id"]).toBe(ctx.actor.organization_id);
    expect(await json("GET", `/gateways/${theirs.body.id}/status`)).toMatchObject(
      refusal(404, "Gateway not found"),
    );

    const revoked = await json("POST", "/registration-tokens", { body: {} });
    await call("DELETE", `/enrolment-tokens/${revoked.body.id}`);
    const gone = await register(revoked.body["token"] as string);
    expect(gone).toMatchObject(invalid);
    expect(gone.body["hint"]).toContain("revoked");
    const attempts = await json("GET", `/enrolment-tokens/${revoked.body.id}/attempts`);
    expect(attempts.body["items"]).toMatchObject([{ outcome: "refused" }]);
  });

  test("does not take over a gateway that is there; after its revocation a newer token does", async () => {
    const early = await registrationToken();
    const first = await registered();
    const taken = await register(early);
    expect(taken.status).toBe(409);
    expect(taken.body["detail"]).toContain(instance);
    // The refused token was not used up.
    expect(await heartbeat(first.token)).toMatchObject({ status: 200 });

    clock += SECOND;
    await call("POST", `/agents/${first.id}/revoke`, { body: { reason: "its disk is gone" } });
    expect(await heartbeat(first.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(await register(early)).toMatchObject({ status: 409 });
    clock += SECOND;
    const anew = await register(await registrationToken(), { name: "Gateway again" });
    expect(anew).toMatchObject({ status: 201, body: { id: first.id, name: "Gateway again" } });
    expect(await heartbeat(anew.body["opamp_token"] as string)).toMatchObject({ status: 200 });
    expect(await heartbeat(first.token)).toMatchObject({ status: 401 });
  });

  test("of one name at the same moment lets one in", async () => {
    const tokens = await Promise.all([registrationToken(), registrationToken(), registrationToken()]);
    const answers = await Promise.all(tokens.map((token) => register(token)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  test("by one token at the same moment lets one in", async () => {
    const token = await registrationToken();
    const names = [1, 2, 3].map((number) => `${instance}-${number}`);
    const answers = await Promise.all(names.map((instance_id) => register(token, { instance_id })));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 401, 401]);
  });

  test("under the uid of an agent that speaks OpAMP is refused", async () => {
    const uid = newId();
    const { bearer } = await createBearer(
      { ...(await testOrganization(world.base)).ctx, actor: await ownActor() },
      enrolment,
      { name: "collector", kind: "collector", labels: {}, expires_in_seconds: 60 },
    );
    await world.base.storage.system
      .updateTable("agents")
      .set({ instance_uid: uid })
      .where("id", "=", bearer.agent_id)
      .execute();
    const answer = await register(await registrationToken(), { instance_id: uid });
    expect(answer.status).toBe(409);
    expect(answer.body["detail"]).toContain("Another agent has it");
  });

  test("with the same Idempotency-Key answers the same token again and uses none up", async () => {
    const token = await registrationToken();
    const send = () =>
      json("POST", "/gateways", {
        token,
        body: { ...REGISTRATION, instance_id: instance },
        headers: { "idempotency-key": instance },
      });
    const first = await send();
    expect(await send()).toEqual(first);
    expect(first.status).toBe(201);
  });

  test.each([
    [{ instance_id: "a b" }],
    [{ instance_id: "../etc" }],
    [{ instance_id: "" }],
    [{ instance_id: "x".repeat(101) }],
    [{ name: "" }],
    [{ metadata: { version: 1 } }],
    [{ metadata: { capabilities: "all" } }],
    [{ metadata: { blob: "x".repeat(20_000) } }],
    [{ metadata: [] }],
  ])("with wrong input %# is refused, and uses no token up", async (wrong) => {
    const token = await registrationToken();
    expect(await register(token, wrong)).toMatchObject({ status: 400 });
    expect(await register(token)).toMatchObject({ status: 201 });
  });

  test("by a token that wants approval: it may report, and gets no configuration before", async () => {
    const { body } = await json("POST", "/enrolment-tokens", { body: { approval: "manual" } });
    const answer = await register(body["secret"] as string);
    const token = answer.body["opamp_token"] as string;
    expect(answer.status).toBe(201);
    expect(await heartbeat(token)).toMatchObject({ status: 200 });
    expect(await json("GET", `/opamp/config/${instance}`, { token })).toMatchObject({ status: 403 });
    await call("POST", `/agents/${answer.body.id}/approve`);
    expect(await json("GET", `/opamp/config/${instance}`, { token })).toMatchObject({ status: 200 });
  });
});

describe("heartbeats", () => {
  test("answer ok and make the gateway active; no body and an empty one are the same", async () => {
    const { id, token } = await registered();
    expect(await health(id)).toEqual({
      status: "offline",
      last_seen: null,
      seconds_since_last_seen: null,
      uptime_seconds: null,
      health_score: 0,
    });
    expect(await heartbeat(token)).toEqual({ status: 200, body: { status: "ok", gateway_id: id } });
    const typed = await call("POST", `/opamp/heartbeat/${instance}`, {
      token,
      headers: { "content-type": "application/json" },
    });
    expect(typed.status).toBe(200);
    expect((await json("GET", `/agents/${id}`)).body).toMatchObject({
      state: "connected",
      transport: "http",
      credential: "bearer",
    });
    const list = await json("GET", `/gateways?org_id=${organizationId}&limit=1`);
    expect(list.body["items"]).toMatchObject([{ id, instance_id: instance, status: "active" }]);
  });

  test("are believed from their own gateway alone", async () => {
    const one = await registered();
    const ones = instance;
    instance += "-other";
    const other = await registered();
    const mismatch = refusal(403, "Instance ID does not match token");
    expect(await heartbeat(one.token, {}, instance)).toMatchObject(mismatch);
    expect(await heartbeat(other.token, {}, ones)).toMatchObject(mismatch);
    expect(await heartbeat(one.token, {}, "nobodys-gateway")).toMatchObject(mismatch);
    for (const id of [one.id, other.id]) expect(await health(id)).toMatchObject({ last_seen: null });

    const invalid = refusal(401, "Invalid OpAMP token");
    for (const token of [null, "nonsense", world.key, `${one.token}x`, await registrationToken()])
      expect(await json("POST", `/opamp/heartbeat/${ones}`, { token })).toMatchObject(invalid);
  });

  test("of a token that was revoked, whose gateway was deleted, or that has expired are refused", async () => {
    const { id, token } = await registered();
    expect(await heartbeat(token)).toMatchObject({ status: 200 });
    const bearers = await json("GET", "/bearers");
    await call("DELETE", `/bearers/${bearers.body.items[0]?.id}`);
    const revoked = await heartbeat(token);
    expect(revoked).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(revoked.body["hint"]).toContain("revoked");

    instance += "-deleted";
    const deleted = await registered();
    await call("DELETE", `/agents/${deleted.id}`);
    expect(await heartbeat(deleted.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));

    instance += "-expired";
    const expired = await registered();
    clock += 366 * 86_400 * SECOND;
    expect(await heartbeat(expired.token)).toMatchObject(refusal(401, "Invalid OpAMP token"));
    expect(await health(id)).toMatchObject({ status: "unhealthy" });
  });

  test("carry metadata and counts, in a field of their own or within the metadata", async () => {
    const { id, token } = await registered();
    await heartbeat(token, {
      metrics: { logs_processed: 1_000, errors: 0, latency_ms: 50.5 },
      config_version: 3,
    });
    const at = new Date(clock).toISOString();
    expect((await json("GET", `/gateways/${id}/metrics`)).body).toEqual({
      logs_processed: 1_000,
      errors: 0,
      latency_ms: 50.5,
      last_updated: at,
    });
    clock += SECOND;
    await heartbeat(token, {
      metadata: { ...REGISTRATION.metadata, version: "1.1.0", logs_processed: 2_000 },
    });
    const { body } = await json("GET", `/gateways/${id}/status?org_id=${organizationId}`);
    expect(body).toMatchObject({
      version: { agent_version: "1.1.0", otel_version: "0.88.0" },
      metrics: { logs_processed: 2_000, errors: 0, last_updated: new Date(clock).toISOString() },
    });
    expect((await json("GET", `/agents/${id}`)).body).toMatchObject({
      version: "1.1.0",
      identifying_attributes: { "service.version": "1.1.0" },
    });
    const list = await json("GET", "/gateways?limit=1");
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
    const { token } = await registered();
    expect(await heartbeat(token, body)).toMatchObject({ status: 400 });
  });

  test("of many gateways at once are each answered and each written", async () => {
    const gateways = [];
    for (let number = 0; number < 20; number += 1) {
      instance = `crowd-${numbers}-${number}`;
      gateways.push({ ...(await registered()), name: instance });
    }
    const answers = await Promise.all(
      gateways.flatMap(({ token, name }, index) => [
        heartbeat(token, { metrics: { errors: index } }, name),
        heartbeat(token, { metrics: { logs_processed: index } }, name),
      ]),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const [index, { id }] of gateways.entries())
      expect((await json("GET", `/gateways/${id}/metrics`)).body).toMatchObject({
        errors: index,
        logs_processed: index,
      });
  });

  test("bind a gateway that a bearer was made for to the name it first comes by", async () => {
    const made = await json("POST", "/bearers", { body: { name: "edge", kind: "gateway" } });
    const token = made.body["secret"] as string;
    expect(await heartbeat(token)).toMatchObject({ status: 200 });
    expect(await heartbeat(token, {}, `${instance}-other`)).toMatchObject({ status: 403 });
    const id = made.body.bearer.agent_id as string;
    expect((await json("GET", `/gateways/${id}/status`)).body).toMatchObject({ instance_id: instance });
    expect((await json("GET", `/agents/${id}`)).body).toMatchObject({ state: "connected" });
    // A name that another gateway has is not to be had by coming first under it.
    const second = await json("POST", "/bearers", { body: { name: "edge 2", kind: "gateway" } });
    expect(await heartbeat(second.body["secret"] as string)).toMatchObject({ status: 403 });
    // Nor does any other agent's bearer make it a gateway.
    const collector = await json("POST", "/bearers", { body: { name: "edge 3" } });
    expect(await heartbeat(collector.body["secret"] as string, {}, "edge-3")).toMatchObject({ status: 403 });
  });
});

describe("health", () => {
  test("goes by when it was last heard", async () => {
    const { id, token } = await registered();
    await heartbeat(token);
    const cameAt = clock;
    const steps = [
      [15, "healthy", 100],
      [60, "healthy", 100],
      [61, "warning", 50],
      [300, "warning", 50],
      [301, "unhealthy", 20],
    ] as const;
    for (const [seconds, status, health_score] of steps) {
      clock = cameAt + seconds * SECOND;
      expect(await health(id)).toEqual({
        status,
        last_seen: new Date(cameAt).toISOString(),
        seconds_since_last_seen: seconds,
        uptime_seconds: seconds,
        health_score,
      });
    }
    await heartbeat(token);
    // It had been away for longer than an agent may be: its time counts anew.
    expect(await health(id)).toMatchObject({ status: "healthy", uptime_seconds: 0 });
    clock += 60 * SECOND;
    await heartbeat(token);
    expect(await health(id)).toMatchObject({ status: "healthy", uptime_seconds: 60 });
    await call("POST", `/agents/${id}/revoke`, { body: { reason: "test" } });
    expect(await health(id)).toMatchObject({ status: "offline", health_score: 0 });
  });
});

describe("reading", () => {
  test("status is health, version, configuration and metrics, and each alone is the same", async () => {
    const { id, token } = await registered();
    await heartbeat(token);
    const { status, body } = await json("GET", `/gateways/${id}/status?org_id=${organizationId}`);
    expect([status, body]).toEqual([
      200,
      {
        gateway_id: id,
        instance_id: instance,
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
      expect(await json("GET", `/gateways/${id}/${part}?org_id=${organizationId}`)).toEqual({
        status: 200,
        body: body[part],
      });
  });

  test("of nobody, of no gateway, or for another organization finds nothing", async () => {
    const { id } = await registered();
    const { ctx } = await testOrganization(world.base);
    const { body } = await json("POST", "/bearers", { body: { name: "a collector" } });
    const paths = [
      `/gateways/${newId()}`,
      "/gateways/gateway-1",
      `/gateways/${body.bearer.agent_id}`,
      `/gateways/${id}`,
    ];
    for (const path of paths) {
      const query = path.endsWith(id) ? `?org_id=${ctx.actor.organization_id}` : "";
      for (const part of ["status", "health", "version", "metrics"])
        expect(await json("GET", `${path}/${part}${query}`)).toMatchObject(refusal(404, "Gateway not found"));
      expect(await json("GET", `${path}/config${query}`)).toMatchObject(
        refusal(404, "Gateway not found or no active config"),
      );
    }
    expect(await json("GET", `/gateways?org_id=${ctx.actor.organization_id}`)).toMatchObject({ status: 404 });
  });

  test("the list comes in pages, newest first", async () => {
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      instance = `page-${numbers}-${number}`;
      ids.unshift((await registered()).id);
    }
    const first = await json("GET", "/gateways?limit=2");
    const second = await json("GET", `/gateways?limit=1&cursor=${first.body.next_cursor}`);
    const listed = [...first.body.items, ...second.body.items];
    expect(listed.map((gateway) => gateway.id)).toEqual(ids);
  });
});

describe("the gateway's own configuration", () => {
  test("is the base configuration while nothing is assigned, as JSON or as text", async () => {
    const { id, token } = await registered();
    const own = await json("GET", `/opamp/config/${instance}`, { token });
    expect(own).toEqual(await json("GET", `/gateways/${id}/config`));
    const text = await call("GET", `/opamp/config/${instance}`, {
      token,
      headers: { accept: "application/yaml" },
    });
    expect([text.status, text.headers["content-type"], text.text]).toEqual([
      200,
      "application/yaml",
      BASE_CONFIGURATION,
    ]);
    const unchanged = await call("GET", `/opamp/config/${instance}`, {
      token,
      headers: { accept: "application/yaml", "if-none-match": String(text.headers.etag) },
    });
    expect([unchanged.status, unchanged.text]).toEqual([304, ""]);
  });

  test("is told to its own gateway alone", async () => {
    const { token } = await registered();
    expect(await json("GET", "/opamp/config/somebody-else", { token })).toMatchObject(
      refusal(403, "Instance ID does not match token"),
    );
    expect(await json("GET", `/opamp/config/${instance}`)).toMatchObject(refusal(401, "Invalid OpAMP token"));
  });

  test("the base configuration has nothing that a Collector would refuse", () => {
    expect(checkConfig(BASE_CONFIGURATION).problems).toEqual([]);
  });
});

test("/v1 is an alias", async () => {
  const { token } = await registered();
  const { statusCode } = await world.http.fastify.inject({
    method: "POST",
    url: `/v1/opamp/heartbeat/${instance}`,
    headers: { authorization: `Bearer ${token}` },
  });
  expect(statusCode).toBe(200);
});

async function health(id: string) {
  return (await json("GET", `/gateways/${id}/health`)).body;
}

async function ownActor() {
  const { actor } = await testOrganization(world.base);
  return { ...actor, organization_id: organizationId };
}
