import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SMTPServer } from "smtp-server";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import type { Me, Problem } from "@flowplane/contract";
import { getSchema } from "better-auth/db";
import { sql } from "kysely";
import { authOptions } from "../../platform/auth/options.ts";
import { SIGN_IN_MAILS_PER_PERSON_MAX } from "../../platform/auth/mount.ts";
import { identityWorld, type IdentityWorld } from "../../testing/identity.ts";
import { OWNER_EMAIL } from "./installation.ts";

const HOUR_MS = 3_600_000;
const ownPage = { "sec-fetch-site": "same-origin", origin: "http://localhost:4300", host: "localhost:4300" };

let world: IdentityWorld;
beforeAll(async () => {
  world = await identityWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("a sign-in link", () => {
  test("signs its person in, once", async () => {
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    const cookie = await world.visit(url);
    const me = await asBrowser(cookie);
    expect(me.json<Me>()).toMatchObject({
      actor: { type: "user" },
      email: OWNER_EMAIL,
      organization: { role: "owner" },
    });
    const { pathname, search } = new URL(url);
    const again = await world.http.fastify.inject(pathname + search);
    expect(again.headers.location).toMatch(/\/sign-in\?error=INVALID_TOKEN$/);
    expect(again.cookies).toEqual([]);
  });

  test("is used up by one of two who come at once", async () => {
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    const visits = await Promise.allSettled([world.visit(url), world.visit(url), world.visit(url)]);
    expect(visits.filter((visit) => visit.status === "fulfilled")).toHaveLength(1);
  });

  test("is not used up by a scanner that only looks", async () => {
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    const { pathname, search } = new URL(url);
    await world.http.fastify.inject({ method: "HEAD", url: pathname + search });
    expect(await world.visit(url)).toContain("session_token");
  });

  test("ends after its quarter of an hour", async () => {
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    await world.base.storage.system
      .updateTable("auth_verifications")
      .set({ expires_at: new Date(Date.now() - 1) })
      .execute();
    await expect(world.visit(url)).rejects.toThrow("no session: 302");
  });

  test("is kept as a hash alone", async () => {
    await world.base.storage.system.deleteFrom("auth_verifications").execute();
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    const token = new URL(url).searchParams.get("token") ?? "";
    const rows = await world.base.storage.system.selectFrom("auth_verifications").selectAll().execute();
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain(token);
  });

  test("does not lead away", async () => {
    const { url } = await world.auth.createSignInLink(OWNER_EMAIL);
    const elsewhere = new URL(url);
    elsewhere.searchParams.set("callbackURL", "https://evil.example/");
    await expect(world.visit(elsewhere.href)).rejects.toThrow("no session: 403");
  });

  test("of somebody who is no member any more opens nothing", async () => {
    await using own = await identityWorld();
    const { url } = await own.auth.createSignInLink(OWNER_EMAIL);
    await own.base.storage.system.deleteFrom("memberships").execute();
    await expect(own.visit(url)).rejects.toThrow("no session");
  });
});

describe("the session's cookie", () => {
  test("is out of reach for scripts and other sites, and secure over https", async () => {
    await using secure = await identityWorld({ config: { publicUrl: "https://plane.example" } });
    for (const [each, name] of [
      [world, "flowplane.session_token"],
      [secure, "__Secure-flowplane.session_token"],
    ] as const) {
      const { url } = await each.auth.createSignInLink(OWNER_EMAIL);
      expect(url.startsWith(each === secure ? "https://plane.example/" : "http://127.0.0.1:4300/")).toBe(
        true,
      );
      const { pathname, search } = new URL(url);
      const { cookies } = await each.http.fastify.inject(pathname + search);
      expect(cookies).toEqual([
        expect.objectContaining({ name, httpOnly: true, sameSite: "Lax", path: "/", maxAge: 30 * 24 * 3600 }),
      ]);
      expect(cookies[0]?.secure).toBe(each === secure ? true : undefined);
    }
  });

  test("with a changed signature or another token opens nothing", async () => {
    const cookie = await signIn();
    for (const forged of [
      // Not its last character: that one has bits which mean nothing.
      cookie.replace(/.(?=.%3D$)/, (character) => (character === "A" ? "B" : "A")),
      cookie.replace("=", "=x"),
      cookie.replace(/\..*/, ""),
    ])
      expect((await asBrowser(forged)).statusCode).toBe(401);
    const [row] = await world.base.storage.system
      .selectFrom("auth_sessions")
      .select("token")
      .orderBy("created_at", "desc")
      .execute();
    // Who has read the database has the token and not the key of its signature.
    expect((await asBrowser(`flowplane.session_token=${row?.token}`)).statusCode).toBe(401);
    expect((await world.call("GET", "/me", { token: row?.token ?? "" })).statusCode).toBe(401);
  });

  test("opens nothing once its time is over", async () => {
    const cookie = await signIn();
    await world.base.storage.system
      .updateTable("auth_sessions")
      .set({ expires_at: new Date(Date.now() - HOUR_MS) })
      .execute();
    const response = await asBrowser(cookie);
    expect([response.statusCode, response.json<Problem>().detail]).toEqual([
      401,
      "Your session has ended. Sign in again.",
    ]);
  });

  test("opens nothing after signing out, at once", async () => {
    const cookie = await signIn();
    expect((await asBrowser(cookie)).statusCode).toBe(200);
    const out = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/sign-out",
      headers: { cookie, ...ownPage },
      payload: {},
    });
    expect(out.json()).toEqual({ success: true });
    expect((await asBrowser(cookie)).statusCode).toBe(401);
  });

  test("is not signed out by another site's page", async () => {
    const cookie = await signIn();
    const out = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/sign-out",
      headers: {
        cookie,
        "sec-fetch-site": "cross-site",
        origin: "https://evil.example",
        host: "localhost:4300",
      },
      payload: {},
    });
    expect(out.statusCode).toBe(403);
    expect((await asBrowser(cookie)).statusCode).toBe(200);
  });
});

describe("mailed links", () => {
  test("reach a member's mailbox and sign them in; strangers get no mail and no user", async () => {
    await using mailbox = await startMailbox();
    await using mailing = await identityWorld({ config: { smtpUrl: mailbox.url } });
    for (const email of ["stranger@example.com", OWNER_EMAIL.toUpperCase()]) {
      const response = await ask(mailing, email);
      expect([response.statusCode, response.json()]).toEqual([200, { status: true }]);
    }
    const mail = await mailbox.next();
    expect(mail.to).toEqual([OWNER_EMAIL]);
    const [link = ""] = /http:\/\/\S+/.exec(mail.text) ?? [];
    expect(await mailing.visit(link)).toContain("session_token");
    expect(mailbox.count()).toBe(1);
    const users = await mailing.base.storage.system.selectFrom("auth_users").select("email").execute();
    expect(users).toEqual([{ email: OWNER_EMAIL }]);
  });

  test("are not sent again and again to one person", async () => {
    await using mailbox = await startMailbox();
    await using mailing = await identityWorld({ config: { smtpUrl: mailbox.url } });
    for (let n = 0; n < SIGN_IN_MAILS_PER_PERSON_MAX; n += 1)
      expect((await ask(mailing, OWNER_EMAIL)).statusCode).toBe(200);
    expect((await ask(mailing, OWNER_EMAIL)).statusCode).toBe(429);
  });

  test("without a mail server the page is told who can help", async () => {
    const response = await ask(world, OWNER_EMAIL);
    expect([response.statusCode, response.json<Problem>().detail]).toEqual([
      409,
      expect.stringContaining("flowplane members link"),
    ]);
  });
});

describe("signing in by another screen", () => {
  test("ends in a bearer that is the approver's, until it signs out", async () => {
    const device = await startDevice();
    expect((await poll(device)).json()).toMatchObject({ error: "authorization_pending" });
    const cookie = await signIn();
    await look(device, cookie);
    expect((await decide("approve", device, cookie)).json()).toEqual({ success: true });
    await world.base.storage.system
      .updateTable("auth_device_codes")
      .set({ last_polled_at: null } as never)
      .execute();
    const answer = await poll(device);
    const { access_token: token } = answer.json<{ access_token: string }>();
    const me = await world.call("GET", "/me", { token });
    expect(me.json<Me>()).toMatchObject({ email: OWNER_EMAIL, actor: { type: "user" } });
    expect((await poll(device)).json()).toMatchObject({ error: "invalid_grant" });
    const out = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/sign-out",
      headers: { authorization: `Bearer ${token}` },
      payload: {},
    });
    expect(out.json()).toEqual({ success: true });
    expect((await world.call("GET", "/me", { token })).statusCode).toBe(401);
  });

  test("ends in nothing when it is denied", async () => {
    const device = await startDevice();
    const cookie = await signIn();
    await look(device, cookie);
    expect((await decide("deny", device, cookie)).json()).toEqual({ success: true });
    expect((await poll(device)).json()).toMatchObject({ error: "access_denied" });
  });

  test("is not approved by nobody, by another site's page, or for an unknown program", async () => {
    const device = await startDevice();
    const cookie = await signIn();
    await look(device, cookie);
    const anonymous = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/device/approve",
      payload: { userCode: device.user_code },
    });
    expect(anonymous.statusCode).toBe(401);
    const foreign = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/device/approve",
      headers: { cookie, origin: "https://evil.example", host: "localhost:4300" },
      payload: { userCode: device.user_code },
    });
    expect(foreign.statusCode).toBe(403);
    expect((await poll(device)).json()).toMatchObject({ error: "authorization_pending" });
    const unknown = await world.http.fastify.inject({
      method: "POST",
      url: "/api/auth/device/code",
      payload: { client_id: "somebody" },
    });
    expect(unknown.json()).toMatchObject({ error: "invalid_client" });
  });
});

test("nothing else of the library can be reached", async () => {
  for (const [method, path] of [
    ["POST", "/sign-up/email"],
    ["POST", "/sign-in/email"],
    ["POST", "/update-user"],
    ["POST", "/change-email"],
    ["POST", "/delete-user"],
    ["GET", "/list-sessions"],
    ["GET", "/ok"],
    ["GET", "/error"],
  ] as const) {
    const response = await world.http.fastify.inject({ method, url: `/api/auth${path}`, headers: ownPage });
    expect([path, response.statusCode]).toEqual([path, 404]);
  }
});

test("the migrations have every table, column and unique index the library describes", async () => {
  const schema = getSchema(
    authOptions(world.base, {
      deliver: async () => undefined,
      mayEnter: async () => true,
      onSignIn: async () => undefined,
      onSignOut: () => undefined,
    }),
  );
  const { rows } = await sql<{ table: string; column: string; nullable: boolean }>`
    select table_name as table, column_name as column, is_nullable = 'YES' as nullable
    from information_schema.columns where table_name like 'auth\\_%'`.execute(world.base.storage.system);
  const columns = new Map(rows.map((row) => [`${row.table}.${row.column}`, row]));
  expect(Object.keys(schema).toSorted()).toEqual([
    "auth_accounts",
    "auth_device_codes",
    "auth_sessions",
    "auth_users",
    "auth_verifications",
  ]);
  for (const [table, { fields }] of Object.entries(schema)) {
    for (const [name, field] of Object.entries(fields)) {
      const column = columns.get(`${table}.${field.fieldName ?? name}`);
      expect(column, `${table}.${name}`).toBeDefined();
      if (field.required === false) expect(column?.nullable, `${table}.${name} may be null`).toBe(true);
    }
  }
});

function asBrowser(cookie: string) {
  return world.call("GET", "/me", { token: null, headers: { cookie } });
}

async function signIn(): Promise<string> {
  return world.visit((await world.auth.createSignInLink(OWNER_EMAIL)).url);
}

function ask(mailing: IdentityWorld, email: string) {
  return mailing.http.fastify.inject({
    method: "POST",
    url: "/api/auth/sign-in/magic-link",
    headers: ownPage,
    payload: { email, callbackURL: "/", errorCallbackURL: "/sign-in" },
  });
}

interface Device {
  device_code: string;
  user_code: string;
}

async function startDevice(): Promise<Device> {
  const response = await world.http.fastify.inject({
    method: "POST",
    url: "/api/auth/device/code",
    payload: { client_id: "flowplane-cli" },
  });
  return response.json<Device>();
}

/** Opens the page of the code, which ties the code to who is signed in. */
async function look(device: Device, cookie: string): Promise<void> {
  const response = await world.http.fastify.inject({
    url: `/api/auth/device?user_code=${device.user_code}`,
    headers: { cookie, ...ownPage },
  });
  expect(response.json()).toMatchObject({ status: "pending", client_id: "flowplane-cli" });
}

function decide(decision: "approve" | "deny", device: Device, cookie: string) {
  return world.http.fastify.inject({
    method: "POST",
    url: `/api/auth/device/${decision}`,
    headers: { cookie, ...ownPage },
    payload: { userCode: device.user_code },
  });
}

function poll(device: Device) {
  return world.http.fastify.inject({
    method: "POST",
    url: "/api/auth/device/token",
    payload: {
      grant_type: "urn:ietf:params:oauth:grant-type:device_code",
      device_code: device.device_code,
      client_id: "flowplane-cli",
    },
  });
}

/** A mail server that keeps what it is given. */
async function startMailbox() {
  const mails: { to: string[]; text: string }[] = [];
  let arrived = Promise.withResolvers<void>();
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(stream, session, callback) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8").replace(/=\r\n/g, "").replace(/=3D/g, "=");
        mails.push({ to: session.envelope.rcptTo.map((to) => to.address), text });
        arrived.resolve();
        callback();
      });
    },
  });
  server.listen(0, "127.0.0.1");
  await once(server.server, "listening");
  const { port } = server.server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    count: () => mails.length,
    async next() {
      await arrived.promise;
      arrived = Promise.withResolvers();
      return mails.at(-1) as (typeof mails)[number];
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
