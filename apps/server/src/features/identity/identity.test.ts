import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiToken, AuditEvent, Me, Member, Problem, Role, Site } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import { identityWorld, type IdentityWorld } from "../../testing/identity.ts";
import { ACTOR_CACHE_MS, LAST_USED_EVERY_MS } from "./authenticate.ts";

const T0 = Date.parse("2026-03-01T12:00:00.000Z");
const HOUR_SECONDS = 3_600;

let world: IdentityWorld;
const clock = { now: T0 };
let count = 0;

beforeAll(async () => {
  world = await identityWorld({ now: () => clock.now });
});
afterAll(() => world[Symbol.asyncDispose]());

describe("API tokens", () => {
  test("a token acts with its role, and its secret is shown once", async () => {
    const { token, secret } = await makeToken("operator");
    expect(secret).toMatch(/^fpk_[0-9a-f-]{36}_[A-Za-z0-9_-]{43}$/);
    const me = await world.call("GET", "/me", { token: secret });
    expect(me.json<Me>()).toMatchObject({
      actor: { type: "api_token", id: token.id },
      organization: { name: "Default", role: "operator" },
      email: null,
    });
    const list = await world.call("GET", "/api-tokens?limit=200");
    expect(list.body).toContain(token.id);
    expect(list.body).not.toContain(secret.slice(-43));
    const row = await world.base.storage.system
      .selectFrom("api_tokens")
      .selectAll()
      .where("id", "=", token.id)
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(secret.slice(-43));
  });

  test("revoked, it opens nothing from that answer on", async () => {
    const { token, secret } = await makeToken("viewer");
    expect((await world.call("GET", "/me", { token: secret })).statusCode).toBe(200);
    expect((await world.call("DELETE", `/api-tokens/${token.id}`)).statusCode).toBe(204);
    const refused = await world.call("GET", "/me", { token: secret });
    expect([refused.statusCode, refused.json<Problem>().detail]).toEqual([
      401,
      "This API token was revoked. Use another one.",
    ]);
    expect((await world.call("DELETE", `/api-tokens/${token.id}`)).statusCode).toBe(204);
  });

  test("expired, it opens nothing, however recently it was good", async () => {
    const { secret } = await makeToken("viewer", 60);
    clock.now += 60_000 - 1;
    expect((await world.call("GET", "/me", { token: secret })).statusCode).toBe(200);
    clock.now += 1;
    const refused = await world.call("GET", "/me", { token: secret });
    expect([refused.statusCode, refused.json<Problem>().detail]).toEqual([
      401,
      "This API token has expired. Make a new one.",
    ]);
  });

  test("a revocation this process did not hear of counts within seconds", async () => {
    const { token, secret } = await makeToken("viewer");
    await world.call("GET", "/me", { token: secret });
    await world.base.storage.system
      .updateTable("api_tokens")
      .set({ revoked_at: new Date() })
      .where("id", "=", token.id)
      .execute();
    clock.now += ACTOR_CACHE_MS;
    expect((await world.call("GET", "/me", { token: secret })).statusCode).toBe(401);
  });

  test("its last use is noted, once a minute", async () => {
    const { token, secret } = await makeToken("viewer");
    const read = async () => (await listed(token.id))?.last_used_at ?? null;
    expect(await read()).toBeNull();
    const first = clock.now;
    await world.call("GET", "/me", { token: secret });
    await until(async () => (await read()) === new Date(first).toISOString());
    clock.now += LAST_USED_EVERY_MS - 1;
    await world.call("GET", "/me", { token: secret });
    clock.now += 1;
    await world.call("GET", "/me", { token: secret });
    await until(async () => (await read()) === new Date(first + LAST_USED_EVERY_MS).toISOString());
  });

  test.each([
    ["another secret", (secret: string) => `${secret.slice(0, -4)}AAAA`],
    ["an unknown id", (secret: string) => secret.replace(/_[^_]+/, `_${newId()}`)],
    ["its end cut off", (secret: string) => secret.slice(0, -1)],
    ["no secret", (secret: string) => secret.slice(0, 41)],
    ["SQL in it", () => "fpk_' or 1=1 --_x"],
  ])("with %s it opens nothing", async (_, change) => {
    const { secret } = await makeToken("viewer");
    expect((await world.call("GET", "/me", { token: change(secret) })).statusCode).toBe(401);
  });

  test("nobody makes one with more rights than their own, or revokes one", async () => {
    const admin = await makeToken("admin");
    const owner = await makeToken("owner");
    const made = await world.call("POST", "/api-tokens", {
      token: admin.secret,
      body: { name: "x", role: "owner" },
    });
    expect([made.statusCode, made.json<Problem>().detail]).toEqual([
      403,
      "The role owner has rights you do not have: organization:write. Ask an owner.",
    ]);
    expect(
      (await world.call("DELETE", `/api-tokens/${owner.token.id}`, { token: admin.secret })).statusCode,
    ).toBe(403);
    expect(
      (await world.call("DELETE", `/api-tokens/${admin.token.id}`, { token: owner.secret })).statusCode,
    ).toBe(204);
  });

  test("pages go through all of them, newest first", async () => {
    const made = [await makeToken("viewer"), await makeToken("viewer"), await makeToken("viewer")];
    const ids: string[] = [];
    for (let cursor = ""; ;) {
      const page = await world.call("GET", `/api-tokens?limit=2${cursor}`);
      const { items, next_cursor } = page.json<{ items: ApiToken[]; next_cursor: string | null }>();
      ids.push(...items.map((item) => item.id));
      if (next_cursor === null) break;
      cursor = `&cursor=${next_cursor}`;
    }
    expect(ids.slice(0, 3)).toEqual(made.map((each) => each.token.id).toReversed());
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(ids.toSorted().toReversed());
  });

  test("a cursor that is not ours is refused", async () => {
    for (const cursor of [
      "x",
      "bnVsbA",
      Buffer.from("[1]").toString("base64url"),
      Buffer.from('["a","b"]').toString("base64url"),
    ])
      expect((await world.call("GET", `/api-tokens?cursor=${cursor}`)).statusCode).toBe(400);
  });
});

describe("members", () => {
  test("an invitation without mail gives a link to pass on, and the invited comes in with their role", async () => {
    const email = `ana-${newId()}@Example.com`;
    const invited = await world.call("POST", "/members", { body: { email, name: "Ana", role: "operator" } });
    const { member, mailed, link } = invited.json<{
      member: Member;
      mailed: boolean;
      link: { url: string };
    }>();
    expect([invited.statusCode, mailed, member.email, member.last_signed_in_at]).toEqual([
      201,
      false,
      email.toLowerCase(),
      null,
    ]);
    const cookie = await world.visit(link.url);
    expect((await asBrowser(cookie)).json<Me>()).toMatchObject({
      actor: { name: "Ana", id: member.user_id },
      organization: { role: "operator" },
    });
    const found = (await members()).find((each) => each.user_id === member.user_id);
    expect(found?.last_signed_in_at).toBe(new Date(clock.now).toISOString());
    const again = await world.call("POST", "/members", { body: { email, role: "viewer" } });
    expect([again.statusCode, again.json<Problem>().code]).toEqual([409, "conflict"]);
  });

  test("a changed role counts at once", async () => {
    const { member, cookie } = await join("viewer");
    expect((await asBrowser(cookie)).json<Me>().organization.role).toBe("viewer");
    const changed = await world.call("PATCH", `/members/${member.user_id}`, { body: { role: "admin" } });
    expect(changed.json<Member>()).toMatchObject({
      user_id: member.user_id,
      email: member.email,
      role: "admin",
    });
    expect((await asBrowser(cookie)).json<Me>().organization.role).toBe("admin");
  });

  test("removed, somebody's sessions end at once and for good", async () => {
    const { member, cookie } = await join("viewer");
    expect((await asBrowser(cookie)).statusCode).toBe(200);
    expect((await world.call("DELETE", `/members/${member.user_id}`)).statusCode).toBe(204);
    expect((await asBrowser(cookie)).statusCode).toBe(401);
    const sessions = await world.base.storage.system
      .selectFrom("auth_sessions")
      .selectAll()
      .where("user_id", "=", member.user_id)
      .execute();
    expect(sessions).toEqual([]);
    expect((await members()).map((each) => each.user_id)).not.toContain(member.user_id);
    expect((await world.call("DELETE", `/members/${member.user_id}`)).statusCode).toBe(404);
  });

  test("the last owner stays one; with a second, one may go", async () => {
    const { user_id } = world.installation.owner;
    for (const refused of [
      await world.call("DELETE", `/members/${user_id}`),
      await world.call("PATCH", `/members/${user_id}`, { body: { role: "admin" } }),
    ])
      expect([refused.statusCode, refused.json<Problem>().detail]).toEqual([
        409,
        "This is the organization's last owner. Make somebody else an owner first.",
      ]);
    const { member } = await join("owner");
    expect((await world.call("DELETE", `/members/${member.user_id}`)).statusCode).toBe(204);
  });

  test("two owners who remove each other at once leave one", async () => {
    await using own = await identityWorld();
    const invited = await own.call("POST", "/members", { body: { email: "b@example.com", role: "owner" } });
    const { user_id } = invited.json<{ member: Member }>().member;
    const answers = await Promise.all([
      own.call("DELETE", `/members/${user_id}`),
      own.call("DELETE", `/members/${own.installation.owner.user_id}`),
    ]);
    expect(answers.map((answer) => answer.statusCode).toSorted((a, b) => a - b)).toEqual([204, 409]);
  });

  test("an admin can neither make, change, remove nor become an owner", async () => {
    const { secret: token } = await makeToken("admin");
    const owner = world.installation.owner.user_id;
    const { member } = await join("viewer");
    const tries = [
      await world.call("POST", "/members", { token, body: { email: "x@example.com", role: "owner" } }),
      await world.call("PATCH", `/members/${member.user_id}`, { token, body: { role: "owner" } }),
      await world.call("PATCH", `/members/${owner}`, { token, body: { role: "viewer" } }),
      await world.call("DELETE", `/members/${owner}`, { token }),
      await world.call("POST", "/sign-in-links", { token, body: { user_id: owner } }),
      await world.call("POST", "/sign-in-links", { token, body: {} }),
    ];
    expect(tries.map((each) => each.statusCode)).toEqual([403, 403, 403, 403, 403, 403]);
    const link = await world.call("POST", "/sign-in-links", { token, body: { user_id: member.user_id } });
    expect(link.statusCode).toBe(201);
  });
});

describe("sites", () => {
  test("are made once per name, and list their agents", async () => {
    const made = await world.call("POST", "/sites", { body: { name: "Berlin", environment: "staging" } });
    expect([made.statusCode, made.json<Site>()]).toEqual([
      201,
      expect.objectContaining({ name: "Berlin", environment: "staging", agents: 0 }),
    ]);
    const again = await world.call("POST", "/sites", { body: { name: "Berlin" } });
    expect([again.statusCode, again.json<Problem>().code]).toEqual([409, "conflict"]);
    const { items } = (await world.call("GET", "/sites")).json<{ items: Site[] }>();
    expect(items.map((site) => site.name)).toEqual(["default", "Berlin"]);
  });
});

describe("several organizations", () => {
  test("the header chooses among one's own, and no other exists", async () => {
    const { member, cookie } = await join("viewer");
    const second = newId();
    const foreign = newId();
    await world.base.storage.system
      .insertInto("organizations")
      .values([
        { id: second, name: "Second" },
        { id: foreign, name: "Foreign" },
      ])
      .execute();
    await world.base.storage.system
      .insertInto("memberships")
      .values({ organization_id: second, user_id: member.user_id, role: "owner" })
      .execute();
    const me = (header: string) =>
      world.call("GET", "/me", { token: null, headers: { cookie, "flowplane-organization": header } });
    expect((await asBrowser(cookie)).json<Me>().organization).toMatchObject({
      name: "Default",
      role: "viewer",
    });
    const there = (await me(second)).json<Me>();
    expect(there.organization).toMatchObject({ name: "Second", role: "owner" });
    expect(there.organizations.map((each) => each.name)).toEqual(["Default", "Second"]);
    for (const unknown of [foreign, newId(), "x' or '1'='1"])
      expect((await me(unknown)).statusCode).toBe(404);
    const token = await world.call("GET", "/me", { headers: { "flowplane-organization": second } });
    expect(token.statusCode).toBe(404);
  });
});

test("every change of this feature is in the audit log, with who did it", async () => {
  const { member } = await join("viewer");
  await world.call("PATCH", `/members/${member.user_id}`, { body: { role: "operator" } });
  await world.call("POST", "/sign-in-links", { body: { user_id: member.user_id } });
  await world.call("DELETE", `/members/${member.user_id}`);
  const { items } = (await world.call("GET", `/audit-events?target_id=${member.user_id}`)).json<{
    items: AuditEvent[];
  }>();
  expect(items.map((event) => [event.action, event.actor.type])).toEqual([
    ["member.remove", "api_token"],
    ["sign_in_link.create", "api_token"],
    ["member.change", "api_token"],
    ["member.invite", "api_token"],
  ]);
  expect(items[2]?.metadata).toEqual({ from: "viewer", to: "operator" });
  const verdict = await world.call("GET", "/audit-events/verify");
  expect(verdict.json()).toMatchObject({ intact: true });
  const exported = await world.call("GET", "/audit-events/export");
  expect(
    exported.body
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as AuditEvent).seq)
      .at(-1),
  ).toBe(verdict.json<{ checked: number }>().checked);
});

async function makeToken(role: Role, expires_in_seconds: number | null = 24 * HOUR_SECONDS) {
  const response = await world.call("POST", "/api-tokens", {
    body: { name: `token ${role}`, role, expires_in_seconds },
  });
  expect(response.statusCode).toBe(201);
  return response.json<{ token: ApiToken; secret: string }>();
}

async function listed(id: string): Promise<ApiToken | undefined> {
  const { items } = (await world.call("GET", "/api-tokens?limit=200")).json<{ items: ApiToken[] }>();
  return items.find((item) => item.id === id);
}

/** Invites somebody new and signs them in. */
async function join(role: Role): Promise<{ member: Member; cookie: string }> {
  count += 1;
  const email = `person-${count}@example.com`;
  const response = await world.call("POST", "/members", { body: { email, role } });
  const { member, link } = response.json<{ member: Member; link: { url: string } }>();
  return { member, cookie: await world.visit(link.url) };
}

async function members(): Promise<Member[]> {
  return (await world.call("GET", "/members?limit=200")).json<{ items: Member[] }>().items;
}

function asBrowser(cookie: string) {
  return world.call("GET", "/me", { token: null, headers: { cookie } });
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise(setImmediate);
}
