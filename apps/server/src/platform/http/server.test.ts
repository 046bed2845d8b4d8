import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { endpoint, Id, Problem } from "@flowplane/contract";
import type { Condition } from "@flowplane/runtime";
import { testActor, testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { inTransaction, type Actor } from "../context.ts";
import { AppError } from "../errors.ts";
import { openStorage } from "../storage/database.ts";
import { route } from "./route.ts";
import {
  BODY_BYTES_MAX,
  createHttp,
  HEADERS_TIMEOUT_MS,
  KEEP_ALIVE_TIMEOUT_MS,
  REQUEST_TIMEOUT_MS,
  type HttpServer,
} from "./server.ts";

const shared = { tag: "Test", summary: "For the tests" };
const echo = endpoint({
  ...shared,
  method: "POST",
  path: "/echo",
  access: "run:write",
  body: z.object({ text: z.string() }),
  response: z.object({ text: z.string() }),
});
const broken = endpoint({
  ...shared,
  method: "GET",
  path: "/broken",
  access: "public",
  response: z.object({}),
});
const leaky = endpoint({
  ...shared,
  method: "GET",
  path: "/leaky",
  access: "public",
  response: z.object({ shown: z.string() }),
});
const lookUp = endpoint({
  ...shared,
  method: "GET",
  path: "/sites/{site_id}/look",
  access: "organization:read",
  params: z.object({ site_id: Id }),
  query: z.object({ limit: z.coerce.number().int().default(5) }),
  response: z.object({ limit: z.number() }),
});

let world: TestBase;
let http: HttpServer;
let actor: Actor;
let dashboardFolder: string;
const lines: Record<string, unknown>[] = [];
const conditions: Condition[] = [];

beforeAll(async () => {
  dashboardFolder = await mkdtemp(join(tmpdir(), "flowplane-dashboard-"));
  await mkdir(join(dashboardFolder, "assets"));
  await writeFile(
    join(dashboardFolder, "index.html"),
    "<!doctype html><script>theme()</script><p>the dashboard</p>",
  );
  await writeFile(join(dashboardFolder, "assets", "app-1a2b.js"), `/* ${"x".repeat(5_000)} */`);
  world = await testBase({
    log: { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  ({ actor } = await testOrganization(world.base));
  http = await startHttp(world, actor);
});
afterAll(async () => {
  await http.fastify.close();
  await world[Symbol.asyncDispose]();
  await rm(dashboardFolder, { recursive: true });
});
beforeEach(() => {
  lines.length = 0;
  conditions.length = 0;
});

describe("requests", () => {
  test("a good one is answered, below the alias too", async () => {
    for (const prefix of ["/api/v1", "/v1"]) {
      const response = await post('{"text":"hi"}', { prefix });
      expect([response.statusCode, response.json()]).toEqual([200, { text: "hi" }]);
    }
  });

  test.each([
    [
      "a wrong type",
      '{"text":1}',
      "The body is not valid: /text: Invalid input: expected string, received number.",
    ],
    ["nothing", "", "The body is not valid: Invalid input: expected object, received null."],
    ["an array", "[]", "The body is not valid: Invalid input: expected object, received array."],
    ["no JSON", "{text}", "The body is not JSON:"],
    ["a field twice", '{"text":"a","text":"b"}', 'The body has the field "text" twice.'],
    ["a prototype", '{"__proto__":{"text":"a"}}', "The body has a field named __proto__"],
    ["a NUL", '{"text":"\\u0000"}', "The body holds a NUL character"],
    ["depth", `{"text":${"[".repeat(40)}${"]".repeat(40)}}`, "nested deeper than"],
  ])("a body that is %s is refused with what is wrong", async (_, payload, detail) => {
    const response = await post(payload);
    expectProblem(response, 400, "invalid_input");
    expect(response.json<Problem>().detail).toContain(detail);
  });

  test("the wrong place is named by a pointer", async () => {
    expect((await post('{"text":1}')).json<Problem>().errors).toEqual([
      { pointer: "/text", message: "Invalid input: expected string, received number" },
    ]);
    const query = await get("/api/v1/sites/x/look?limit=many");
    expect(query.json<Problem>().errors?.[0]?.pointer).toBe("query/limit");
  });

  test("a body that is too large, or of another type, is refused before it is read", async () => {
    expectProblem(await post(JSON.stringify({ text: "x".repeat(BODY_BYTES_MAX) })), 413, "too_large");
    expectProblem(
      await post("text=a", { type: "application/x-www-form-urlencoded" }),
      415,
      "unsupported_media_type",
    );
    expectProblem(await post("<a/>", { type: "text/plain" }), 415, "unsupported_media_type");
  });

  test("who may not call learns nothing about the body", async () => {
    expectProblem(await post("{broken", { as: "none" }), 401, "unauthenticated");
    expectProblem(await post("{broken", { as: "viewer" }), 403, "forbidden");
  });

  test("an id that none of ours can be is not found", async () => {
    expectProblem(await get("/api/v1/sites/nothing-like-an-id/look"), 404, "not_found");
    expectProblem(await get("/api/v1/sites/a%20b/look"), 400, "invalid_input");
  });

  test.each(["/api/v1/%zz", "/api/v1/sites/a%00b/look", "/api/v1/sites/x/look?limit=%00"])(
    "%s is a bad request",
    async (url) => {
      expectProblem(await get(url), 400, "invalid_input");
    },
  );

  test("an unknown path of the API is a problem, whatever the method", async () => {
    for (const method of ["GET", "POST", "DELETE"] as const)
      expectProblem(await http.fastify.inject({ method, url: "/api/v1/nothing" }), 404, "not_found");
  });

  test("a failure of ours says nothing of itself, and the log has its whole chain", async () => {
    const response = await get("/api/v1/broken");
    expectProblem(response, 500, "internal");
    expect(response.body).not.toContain("inner");
    const id = response.json<Problem>().request_id;
    const line = lines.find((each) => each["message"] === "request failed");
    expect(line).toMatchObject({ request_id: id, error_code: "internal", level: "error" });
    expect(JSON.stringify(line)).toContain("the inner cause");
  });

  test("an answer carries what the contract names and nothing else", async () => {
    expect((await get("/api/v1/leaky")).json()).toEqual({ shown: "yes" });
  });
});

describe("headers", () => {
  test("every answer is protected", async () => {
    for (const url of ["/", "/api/v1/leaky", "/api/v1/nothing", "/healthz"]) {
      const { headers } = await get(url);
      expect(headers["content-security-policy"]).toMatch(/default-src 'self'.*frame-ancestors 'none'/);
      expect(headers).toMatchObject({
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      });
    }
  });

  test("the request id is ours, the trace the caller's when it is one", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const headers = { "x-request-id": "forged", traceparent: `00-${traceId}-b7ad6b7169203331-01` };
    const response = await http.fastify.inject({ url: "/api/v1/nothing", headers });
    expect(response.headers["x-request-id"]).toMatch(/^req_[0-9a-f]{32}$/);
    expect(lines.at(-1)).toMatchObject({ request_id: response.headers["x-request-id"], trace_id: traceId });
    for (const traceparent of [
      "nonsense",
      `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
      `ff-${traceId}-b7ad6b7169203331-01`,
    ]) {
      await http.fastify.inject({ url: "/api/v1/nothing", headers: { traceparent } });
      expect(lines.at(-1)?.["trace_id"]).toMatch(/^[0-9a-f]{32}$/);
      expect(lines.at(-1)?.["trace_id"]).not.toBe(traceId);
    }
  });
});

describe("the log", () => {
  test("has one line for a change, with who made it", async () => {
    await post('{"text":"hi"}');
    expect(lines).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        level: "info",
        service: "flowplane",
        message: "POST /api/v1/echo 200",
        event_type: "http.request",
        tenant_id: actor.organization_id,
        actor: actor.id,
        request_id: expect.stringMatching(/^req_/),
        trace_id: expect.any(String),
        method: "POST",
        route: "/api/v1/echo",
        status: 200,
        duration_ms: expect.any(Number),
        remote_address: "127.0.0.1",
      },
    ]);
  });

  test("never holds a credential", () => {
    const secret = "very-secret";
    world.base.log.info(
      {
        authorization: secret,
        cookie: secret,
        headers: { authorization: secret },
        req: { headers: { cookie: secret } },
        body: { token: secret, password: secret },
        secret,
      },
      "x",
    );
    expect(JSON.stringify(lines)).not.toContain(secret);
    expect(lines.at(-1)?.["authorization"]).toBe("[redacted]");
  });
});

describe("a session cookie", () => {
  const from = (headers: Record<string, string>) =>
    http.fastify.inject({
      method: "POST",
      url: "/api/v1/echo",
      headers: { cookie: "flowplane.session_token=good", host: "plane.example:4300", ...headers },
      payload: { text: "hi" },
    });
  test.each([
    [{ "sec-fetch-site": "same-origin" }],
    [{ origin: "http://plane.example:4300" }],
    [{ origin: "https://public.example" }],
    [{ origin: "https://evil.example", authorization: "Bearer good" }],
  ])("may change things with %j", async (headers) => {
    expect((await from(headers as Record<string, string>)).statusCode).toBe(200);
  });
  test.each([
    [{}],
    [{ "sec-fetch-site": "cross-site" }],
    [{ "sec-fetch-site": "same-site" }],
    [{ "sec-fetch-site": "none" }],
    [{ "sec-fetch-site": "cross-site", origin: "http://plane.example:4300" }],
    [{ origin: "https://evil.example" }],
    [{ origin: "http://plane.example" }],
    [{ origin: "null" }],
  ])("may not with %j", async (headers) => {
    expectProblem(await from(headers as Record<string, string>), 403, "forbidden");
  });
  test("may always read", async () => {
    const response = await http.fastify.inject({
      url: "/api/v1/leaky",
      headers: { cookie: "flowplane.session_token=good", "sec-fetch-site": "cross-site" },
    });
    expect(response.statusCode).toBe(200);
  });
});

describe("probes", () => {
  const everywhere = ["", "/api/v1", "/v1"];
  test("healthz answers everywhere", async () => {
    for (const prefix of everywhere)
      expect((await get(`${prefix}/healthz`)).json()).toEqual({ status: "ok" });
  });

  test("readyz names what is not well, then stops being ready for good", async () => {
    await using own = await startOwn();
    const ready = () => own.http.fastify.inject("/api/v1/readyz");
    expect((await ready()).json()).toEqual({
      status: "ready",
      checks: [{ name: "database", healthy: true, status: "ok" }],
    });
    conditions.push({ name: "gateway", healthy: false, status: "port is busy", since: 0 });
    own.clock.now += 5_000;
    const unwell = await ready();
    expect([unwell.statusCode, unwell.json<{ status: string }>().status]).toEqual([503, "not_ready"]);
    expect(unwell.body).toContain("port is busy");
    conditions.length = 0;
    own.clock.now += 5_000;
    own.http.drain();
    const stopping = await ready();
    expect([stopping.statusCode, stopping.json<{ status: string }>().status]).toEqual([503, "stopping"]);
    expect((await own.http.fastify.inject("/healthz")).statusCode).toBe(200);
  });

  test("readyz is red when the database is gone", async () => {
    const storage = openStorage("postgres://nobody@127.0.0.1:1/gone");
    const own = await createHttp({ ...world.base, storage }, async () => undefined);
    const response = await own.fastify.inject("/readyz");
    await Promise.all([own.fastify.close(), storage.close()]);
    expect(response.statusCode).toBe(503);
    expect(response.json()).toMatchObject({
      checks: [{ name: "database", healthy: false, status: "not reachable" }],
    });
  });

  test("metrics count answers by route and status", async () => {
    await get("/api/v1/nothing");
    await post('{"text":1}');
    const metrics = await get("/metrics");
    expect(metrics.headers["content-type"]).toContain("text/plain");
    expect(metrics.body).toMatch(/flowplane_api_requests_total\{route="\/api\/v1\/echo",status="400"\} \d+/);
    expect(metrics.body).toMatch(/flowplane_api_requests_total\{route="none",status="404"\} \d+/);
    expect(metrics.body).toContain("process_resident_memory_bytes");
  });

  test("metrics need a credential unless asked on the machine itself", async () => {
    const status = async (headers: Record<string, string>, remoteAddress = "127.0.0.1") =>
      (
        await http.fastify.inject({
          url: "/metrics",
          headers: { host: "localhost", ...headers },
          remoteAddress,
        })
      ).statusCode;
    expect(await status({})).toBe(200);
    expect(await status({}, "::1")).toBe(200);
    expect(await status({}, "192.0.2.7")).toBe(401);
    expect(await status({ "x-forwarded-for": "192.0.2.7" })).toBe(401);
    expect(await status({ host: "rebound.example" })).toBe(401);
    expect(await status({ authorization: "Bearer viewer" }, "192.0.2.7")).toBe(403);
    expect(await status({ authorization: "Bearer good" }, "192.0.2.7")).toBe(200);
  });
});

describe("the dashboard", () => {
  test("its page answers every path a person may open, and may run its own inline script", async () => {
    for (const url of ["/", "/agents/1", "/sign-in?error=x"]) {
      const response = await get(url);
      expect([response.statusCode, response.body]).toEqual([200, expect.stringContaining("the dashboard")]);
      expect(response.headers["content-security-policy"]).toMatch(/script-src 'self' 'sha256-[^']+'/);
    }
  });

  test("its hashed files are kept by browsers, and compressed", async () => {
    const response = await http.fastify.inject({
      url: "/assets/app-1a2b.js",
      headers: { "accept-encoding": "gzip, br" },
    });
    expect(response.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    expect(response.headers["content-encoding"]).toBe("br");
    expect(response.rawPayload.length).toBeLessThan(500);
  });

  test("a file that is not there, or not below the folder, is not found", async () => {
    for (const url of ["/assets/app-0000.js", "/assets", "/assets/"])
      expectProblem(await get(url), 404, "not_found");
    for (const url of [
      "/assets/..%2f..%2fetc/passwd",
      "/..%2f..%2fetc%2fpasswd",
      "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    ])
      expect((await get(url)).body, url).not.toContain("root:");
  });

  test("without it a page says so", async () => {
    const bare = await createHttp(world.base, async () => undefined, { dashboardFolder: "/nowhere" });
    const response = await bare.fastify.inject("/agents");
    expect([response.statusCode, response.headers["content-type"]]).toEqual([
      200,
      "text/html; charset=utf-8",
    ]);
    expect(response.body).toContain("has not been built");
    await bare.fastify.close();
  });
});

test("the reference loads nothing from elsewhere", async () => {
  const page = await get("/api/v1/reference/");
  expect(page.statusCode).toBe(200);
  expect(page.body).not.toMatch(/https?:\/\//);
  expect(page.headers["content-security-policy"]).toMatch(/default-src 'self'.*connect-src 'self'/);
  const [, script] = /<script src="([^"]+)"/.exec(page.body) ?? [];
  expect((await get(`/api/v1/reference/${script}`)).headers["content-type"]).toContain("javascript");
  expect((await get("/v1/openapi.json")).json()).toMatchObject({ openapi: "3.1.0" });
});

describe("rate limits", () => {
  test("wrong credentials from one address end in 429, and good ones of that address still pass", async () => {
    await using own = await startOwn();
    const call = (token: string, remoteAddress: string) =>
      own.http.fastify.inject({
        url: "/api/v1/sites/x/look",
        headers: { authorization: `Bearer ${token}` },
        remoteAddress,
      });
    await call("good", "192.0.2.1");
    const statuses = [];
    for (let n = 0; n < 61; n += 1) statuses.push((await call(`guess-${n}`, "192.0.2.1")).statusCode);
    expect(statuses.slice(0, 60).every((status) => status === 401)).toBe(true);
    expect(statuses[60]).toBe(429);
    const refused = await call("guess", "192.0.2.1");
    expectProblem(refused, 429, "rate_limited");
    expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
    expect((await call("good", "192.0.2.1")).statusCode).toBe(404);
    expect((await call("guess", "192.0.2.2")).statusCode).toBe(401);
  });
});

test("while the database is away, what needs it may be tried again, and says so", async () => {
  const storage = openStorage("postgres://nobody@127.0.0.1:1/gone");
  const own = await startHttp({ ...world, base: { ...world.base, storage } }, actor);
  const response = await own.fastify.inject({
    url: `/api/v1/sites/${actor.organization_id}/look`,
    headers: { authorization: "Bearer good" },
  });
  expectProblem(response, 503, "unavailable");
  expect(response.headers["retry-after"]).toBe("2");
  await Promise.all([own.fastify.close(), storage.close()]);
});

test("time-outs: a poller's connection outlives its interval, and headers end before the request", () => {
  const { server } = http.fastify;
  expect([server.keepAliveTimeout, server.headersTimeout, server.requestTimeout]).toEqual([
    KEEP_ALIVE_TIMEOUT_MS,
    HEADERS_TIMEOUT_MS,
    REQUEST_TIMEOUT_MS,
  ]);
  expect(KEEP_ALIVE_TIMEOUT_MS).toBeLessThan(HEADERS_TIMEOUT_MS);
  expect(HEADERS_TIMEOUT_MS).toBeLessThan(REQUEST_TIMEOUT_MS);
});

test("a caller that reads no answer before it has sent everything learns why a body was refused", async () => {
  await using own = await startOwn();
  await own.http.fastify.listen({ host: "127.0.0.1", port: 0 });
  const body = Buffer.alloc(32 * BODY_BYTES_MAX, " ");
  const socket = connect((own.http.fastify.server.address() as AddressInfo).port, "127.0.0.1");
  const failed = once(socket, "error").then(([error]) => String(error));
  socket.pause();
  socket.write(
    `POST /api/v1/echo HTTP/1.1\r\nhost: x\r\nauthorization: Bearer good\r\nconnection: close\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.byteLength}\r\n\r\n`,
  );
  const sent = new Promise<string>((resolve) => socket.write(body, () => resolve("sent")));
  expect(await Promise.race([sent, failed])).toBe("sent");
  let answer = "";
  socket
    .setEncoding("utf8")
    .on("data", (text: string) => (answer += text))
    .resume();
  await Promise.race([once(socket, "end"), failed]);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  expect(answer).toContain("too_large");
  socket.destroy();
});

test("garbage on the wire is answered and disturbs nobody", async () => {
  await using own = await startOwn();
  await own.http.fastify.listen({ host: "127.0.0.1", port: 0 });
  const { port } = own.http.fastify.server.address() as AddressInfo;
  for (const garbage of [
    "\x16\x03\x01\x02",
    "GET / HTTP/9.9\r\n\r\n",
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${"y".repeat(40_000)}\r\n\r\n`,
  ]) {
    const socket = connect(port, "127.0.0.1").on("error", () => undefined);
    await once(socket, "connect");
    socket.resume().write(garbage);
    await once(socket, "close");
  }
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

async function startHttp(world: Pick<TestBase, "base">, actor: Actor): Promise<HttpServer> {
  const server = await createHttp(
    { ...world.base, config: { ...world.base.config, publicUrl: "https://public.example" } },
    async (request) => {
      switch (request.headers.authorization) {
        case "Bearer good":
          return actor;
        case "Bearer viewer":
          return testActor(actor.organization_id, "viewer");
      }
      return request.headers.authorization === undefined && request.headers.cookie !== undefined
        ? actor
        : undefined;
    },
    { conditions: () => conditions, dashboardFolder },
  );
  route(server, echo, async (_ctx, { body }) => body);
  route(server, broken, async () => {
    throw new Error("outer", { cause: new Error("the inner cause") });
  });
  route(server, leaky, async () => Object.assign({ shown: "yes" }, { hidden: "no" }));
  route(server, lookUp, (ctx, { params, query }) =>
    inTransaction(ctx, async (ctx) => {
      const site = await ctx.db
        .selectFrom("sites")
        .select("id")
        .where("id", "=", params.site_id)
        .executeTakeFirst();
      if (site === undefined) throw new AppError("not_found", "no such site");
      return { limit: query.limit };
    }),
  );
  await server.fastify.ready();
  return server;
}

/** A server of its own, for what changes it. */
async function startOwn() {
  const clock = { now: 1_000_000 };
  const own = await testBase({ now: () => clock.now });
  const { actor } = await testOrganization(own.base);
  const http = await startHttp(own, actor);
  return {
    world: own,
    http,
    clock,
    async [Symbol.asyncDispose]() {
      await http.fastify.close();
      await own[Symbol.asyncDispose]();
    },
  };
}

function get(url: string) {
  return http.fastify.inject({ url, headers: { authorization: "Bearer good", host: "localhost" } });
}

function post(payload: string, { as = "good", type = "application/json", prefix = "/api/v1" } = {}) {
  return http.fastify.inject({
    method: "POST",
    url: `${prefix}/echo`,
    headers: { "content-type": type, ...(as === "none" ? {} : { authorization: `Bearer ${as}` }) },
    payload,
  });
}

function expectProblem(
  response: { statusCode: number; headers: Record<string, unknown>; body: string },
  status: number,
  code: string,
): void {
  expect([response.statusCode, response.headers["content-type"]]).toEqual([
    status,
    "application/problem+json",
  ]);
  const problem = Problem.parse(JSON.parse(response.body));
  expect([problem.status, problem.code]).toEqual([status, code]);
  expect(problem.request_id).toMatch(/^req_/);
}
