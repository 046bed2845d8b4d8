import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { api, pathOf, Problem, roleMay, ROLES, type Api, type Endpoint } from "@flowplane/contract";
import { sql } from "kysely";
import { z } from "zod";
import { readConfig } from "./config.ts";
import { newId } from "./platform/context.ts";
import { FAILED_CREDENTIALS_PER_MINUTE_MAX } from "./platform/http/limits.ts";
import { BODY_BYTES_MAX } from "./platform/http/server.ts";
import { createLog } from "./platform/log.ts";
import { startServer, type RunningServer } from "./server.ts";
import type { Storage } from "./platform/storage/database.ts";
import { testDatabase } from "./platform/storage/testing.ts";
import { casesFor, type AgentCredential, type Case } from "./testing/cases.ts";
import { populate, type Population } from "./testing/populate.ts";

// Walks the contract: every endpoint, as it is served by a whole server, gets the same questions.

const endpoints = Object.entries<Endpoint>(api) as [keyof Api, Endpoint][];
const STRANGE_CURSORS = [
  "nonsense",
  '{"a":1}',
  "[]",
  "[null]",
  "[1e300]",
  "[-1.5]",
  '["x"]',
  '["x","y"]',
  '["2026-99-99","x"]',
  '["2026-99-99","018f0000-0000-7000-8000-000000000000"]',
  '[null,"018f0000-0000-7000-8000-000000000000"]',
  '["x","y","z","w"]',
  "[[1]]",
];
const ANSWER_LIMIT_MS = 20_000;

let storage: Storage;
let server: RunningServer;
let dataDir: string;
/** Two organizations; whoever is of the second tries to reach the first. */
let ours: Population;
let theirs: Population;
/** What their agents show: endpoints of agents take no key of a person. */
const agentCredentials = new Map<Population, Record<AgentCredential, string>>();
const log: string[] = [];

beforeAll(async () => {
  storage = await testDatabase();
  dataDir = await mkdtemp(join(tmpdir(), "flowplane-coverage-"));
  server = await startServer(
    readConfig(
      { FLOWPLANE_DATA: dataDir, DATABASE_URL: storage.connectionString },
      {
        http: { host: "127.0.0.1", port: await freePort() },
        agents: { host: "127.0.0.1", port: await freePort() },
      },
    ),
    { log: createLog("error", { write: (line) => void log.push(line) }) },
  );
  ours = await populate(storage.system, "ours");
  theirs = await populate(storage.system, "theirs");
  for (const each of [ours, theirs]) agentCredentials.set(each, await credentialsOf(each));
});
afterAll(async () => {
  await server.stop();
  await storage.close();
  await rm(dataDir, { recursive: true });
});

describe("authorization", () => {
  // Ids that nobody has: an allowed call finds nothing and changes nothing, a refused one is refused before it looks.
  const cases = casesFor({
    agent_id: newId(),
    gateway_id: newId(),
    instance_id: "nobodys-gateway",
    run_id: newId(),
    enrolment_token_id: newId(),
    bearer_id: newId(),
    api_token_id: newId(),
    user_id: newId(),
    site_id: newId(),
    job_id: newId(),
    incident_id: newId(),
    policy_id: newId(),
    comparison_id: newId(),
    configuration_id: newId(),
    rollout_id: newId(),
    secret_name: "NOBODYS_SECRET",
    variable_name: "NOBODYS_VARIABLE",
    view_id: newId(),
    package_id: newId(),
    release_id: newId(),
    release_file_id: newId(),
    trace_id: newId().replaceAll("-", ""),
  });

  // After so many wrong ones in a minute an address is refused them before they are looked at.
  let wrongOnes = 0;
  test.each(endpoints)(
    "%s: without a credential it is refused, with a wrong one too",
    async (name, endpoint) => {
      const isEnough = (wrongOnes += 1) >= FAILED_CREDENTIALS_PER_MINUTE_MAX;
      for (const token of isEnough ? [undefined] : [undefined, "fpk_nonsense"]) {
        const response = await call(endpoint, cases[name], token);
        if (endpoint.access === "public") expect(response.status).not.toBe(401);
        else expectProblem(response, 401, "unauthenticated");
      }
    },
  );

  test.each(endpoints)(
    "%s: each role may call it or not, as the table of roles says",
    async (name, endpoint) => {
      const access = endpoint.access;
      for (const role of ROLES) {
        if (access === "agent") {
          expectProblem(await call(endpoint, cases[name], ours.tokens[role]), 401, "unauthenticated", role);
          continue;
        }
        const isAllowed = access === "public" || access === "signed_in" || roleMay(role, access);
        const response = await call(endpoint, cases[name], ours.tokens[role]);
        if (!isAllowed) expectProblem(response, 403, "forbidden", role);
        else
          expect([role, [401, 403, 500].includes(response.status), response.text]).toEqual([
            role,
            false,
            response.text,
          ]);
      }
    },
  );
});

describe("another organization's owner", () => {
  test.each(endpoints)("%s: finds nothing of ours, by no id", async (name, endpoint) => {
    const { params, query, body, bodyIds, queryIds, isNaming } = casesFor(ours.things)[name];
    const before = await fingerprint(ours.organization_id);
    if (params !== undefined) {
      const response = await call(
        endpoint,
        { params, ...(query && { query }), ...(body && { body }) },
        ownersOf(theirs, casesFor(theirs.things)[name]),
      );
      // An agent may learn that a name is not its own, and nothing else.
      if (endpoint.access === "agent") expectProblem(response, 403, "forbidden");
      else if (isNaming === true) await expectNamed(response);
      else expectProblem(response, 404, "not_found");
    }
    const own = casesFor(theirs.things)[name];
    for (const [field, id] of Object.entries(bodyIds ?? {})) {
      const response = await call(
        endpoint,
        { ...own, body: { ...own.body, [field]: id } },
        theirs.tokens.owner,
      );
      expectProblem(response, 404, "not_found", field);
    }
    for (const [field, id] of Object.entries(queryIds ?? {})) {
      const response = await call(
        endpoint,
        { ...own, query: { ...own.query, [field]: id } },
        theirs.tokens.owner,
      );
      expect([field, response.status, mentions(response.text, ours)]).toEqual([field, 200, []]);
    }
    if (params === undefined && body === undefined) {
      const response = await call(endpoint, own, theirs.tokens.owner);
      expect([response.status, mentions(response.text, ours)]).toEqual([200, []]);
    }
    expect(await fingerprint(ours.organization_id), "something of ours was changed").toBe(before);
  });

  test("the same calls find ours with our own credential: the ids above were real", async () => {
    const cases = casesFor(ours.things);
    for (const [name, endpoint] of endpoints.filter(([, endpoint]) => endpoint.method === "GET")) {
      const response = await call(endpoint, cases[name], ownersOf(ours, cases[name]));
      expect([name, response.status]).toEqual([name, 200]);
    }
    const list = await call(api.agentList, {}, ours.tokens.owner);
    expect(mentions(list.text, ours)).toContain(ours.things.agent_id);
  });
});

describe("bad input", () => {
  const withParams = endpoints.filter(([, endpoint]) => endpoint.params !== undefined);
  const withBody = endpoints.filter(([, endpoint]) => endpoint.body !== undefined);
  const withLimit = endpoints.filter(([, { query }]) => query !== undefined && "limit" in query.shape);

  test.each(withParams)("%s: an id nobody has, of any form, is not found", async (name, endpoint) => {
    const own = casesFor(ours.things)[name];
    for (const id of [newId(), "0", "no-such-id", "x".repeat(64)]) {
      const params = Object.fromEntries(Object.keys(own.params ?? {}).map((each) => [each, id]));
      const response = await call(endpoint, { ...own, params }, ownersOf(ours, own));
      if (endpoint.access === "agent") expectProblem(response, 403, "forbidden", id);
      else if (own.isNaming === true && response.status !== 400) await expectNamed(response);
      else if (own.isNaming === true) expectProblem(response, 400, "invalid_input", id);
      else expectProblem(response, 404, "not_found", id);
    }
  });

  test.each(withParams)("%s: what cannot be an id is refused", async (name, endpoint) => {
    const own = casesFor(ours.things)[name];
    const strange = ["a b", "'; drop table runs; --", "ü", "a\0b", "..%2f.."];
    // What an agent calls itself may be a host's name.
    if (endpoint.access !== "agent") strange.push("a.b", "x".repeat(65));
    for (const id of strange) {
      const params = Object.fromEntries(Object.keys(own.params ?? {}).map((each) => [each, id]));
      const response = await call(endpoint, { ...own, params }, ownersOf(ours, own));
      expectProblem(response, 400, "invalid_input", id);
    }
  });

  test.each(withBody)(
    "%s: a body of the wrong type, broken, doubled or too large is refused",
    async (name, endpoint) => {
      const good = casesFor(ours.things)[name];
      const [field = "x", value] = Object.entries(good.body ?? {})[0] ?? [];
      const send = (text: string) => call(endpoint, good, ownersOf(ours, good), text);
      const isOptional = endpoint.access === "agent" && endpoint.body?.safeParse(undefined).success === true;
      for (const text of [
        ...(isOptional ? [] : [""]),
        "null",
        "1",
        '"text"',
        "[]",
        "{",
        `{${JSON.stringify(field)}:{"not":["this"]}}`,
      ])
        expectProblem(await send(text), 400, "invalid_input", text);
      const pair = `${JSON.stringify(field)}:${JSON.stringify(value)}`;
      expectProblem(await send(`{${pair},${pair}}`), 400, "invalid_input", "twice");
      expectProblem(await send(`{"__proto__":{},${pair}}`), 400, "invalid_input", "__proto__");
      expectProblem(await send(`{"x":"${"x".repeat(BODY_BYTES_MAX)}"}`), 413, "too_large");
    },
  );

  test.each(withLimit)(
    "%s: a page of a size that makes no sense, or from nowhere, is refused",
    async (name, endpoint) => {
      const good = casesFor(ours.things)[name];
      for (const limit of ["0", "-1", "many", "1.5", "1000000", ""]) {
        const response = await call(
          endpoint,
          { ...good, query: { ...good.query, limit } },
          ours.tokens.owner,
        );
        if (limit !== "") expectProblem(response, 400, "invalid_input", limit);
      }
      const { cursor: takesCursor, sort } = endpoint.query?.shape ?? {};
      if (takesCursor === undefined) return;
      const sorts =
        sort instanceof z.ZodDefault && sort.unwrap() instanceof z.ZodEnum
          ? (sort.unwrap() as z.ZodEnum).options
          : [undefined];
      for (const sort of sorts) {
        for (const value of STRANGE_CURSORS) {
          const cursor = value === "nonsense" ? value : Buffer.from(value).toString("base64url");
          const query = { ...good.query, cursor, ...(sort === undefined ? {} : { sort: String(sort) }) };
          const response = await call(endpoint, { ...good, query }, ours.tokens.owner);
          // A cursor of the right form that we might have made finds what it finds; nothing else gets through.
          const isFine =
            response.status === 400 ||
            response.status === 404 ||
            (response.status === 200 && value.includes("0000"));
          expect([sort, value, isFine, response.text]).toEqual([sort, value, true, response.text]);
        }
      }
    },
  );

  test("nothing of all this was our fault", () => expect(log).toEqual([]));
});

/** The strongest credential of an organization that an endpoint could take. */
function ownersOf(population: Population, { credential }: Case): string {
  if (credential === undefined) return population.tokens.owner;
  return agentCredentials.get(population)?.[credential] ?? "";
}

async function credentialsOf(population: Population): Promise<Record<AgentCredential, string>> {
  const make = async (endpoint: Endpoint, body: Record<string, unknown>) => {
    const { text } = await call(endpoint, { body }, population.tokens.owner);
    return (JSON.parse(text) as { secret: string }).secret;
  };
  return {
    enrolmentToken: await make(api.enrolmentTokenCreate, { name: "gateways" }),
    bearer: await make(api.bearerCreate, { agent_id: population.things.gateway_id }),
  };
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function call(
  endpoint: Endpoint,
  good: Case,
  token: string | undefined,
  text?: string,
): Promise<Answer> {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), ANSWER_LIMIT_MS);
  const body = text ?? (endpoint.body === undefined ? undefined : JSON.stringify(good.body ?? {}));
  const response = await fetch(server.publicUrl + pathOf(endpoint, good), {
    method: endpoint.method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body }),
    signal: stop.signal,
  });
  const type = response.headers.get("content-type") ?? "";
  // An event stream has no end; that it began says enough here.
  const isEndless = type.startsWith("text/event-stream");
  const answer = { status: response.status, type, text: isEndless ? "" : await response.text() };
  clearTimeout(timer);
  stop.abort();
  return answer;
}

function expectProblem(answer: Answer, status: number, code: string, about?: string): void {
  expect([answer.status, answer.type], `${about ?? ""} ${answer.text.slice(0, 500)}`).toEqual([
    status,
    "application/problem+json",
  ]);
  expect(Problem.parse(JSON.parse(answer.text)).code).toBe(code);
}

/** Something of that name was stored, and beside the populations' own; it is forgotten, so that it is nobody's again. */
async function expectNamed(answer: Answer): Promise<void> {
  expect(answer.status, answer.text.slice(0, 500)).toBe(200);
  let made = 0;
  for (const table of ["secrets", "variables"] as const) {
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} x where not exists (
        select from organizations o where o.id = x.organization_id
          and x.name = ${sql.lit(table === "secrets" ? "SECRET_" : "VARIABLE_")} || upper(o.name))`.execute(
      storage.system,
    );
    made += Number(numAffectedRows ?? 0);
  }
  expect(made).toBe(1);
}

/** The ids of an organization's things that a text names. */
function mentions(text: string, population: Population): string[] {
  // The same names may be somebody else's too.
  const { secret_name: _secret, variable_name: _variable, ...ids } = population.things;
  return [population.organization_id, ...Object.values(ids)].filter((id) => text.includes(id));
}

/** Changes when any row of an organization does, apart from what merely looking is noted in. */
async function fingerprint(organizationId: string): Promise<string> {
  const tables = [
    "agents",
    "runs",
    "run_events",
    "intents",
    "enrolment_tokens",
    "bearers",
    "memberships",
    "sites",
    "secrets",
    "agent_views",
    "jobs",
    "audit_heads",
  ] as const;
  const rows = await Promise.all(
    tables.map((table) =>
      storage.system.selectFrom(table).selectAll().where("organization_id", "=", organizationId).execute(),
    ),
  );
  const tokens = await storage.system
    .selectFrom("api_tokens")
    .select(["id", "revoked_at", "role"])
    .where("organization_id", "=", organizationId)
    .orderBy("id")
    .execute();
  return JSON.stringify([rows, tokens]);
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
