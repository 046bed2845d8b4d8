import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Base } from "../../platform/context.ts";
import { testBase, testCtx, type TestBase } from "../../testing/base.ts";
import { verifyChain } from "../audit/audit.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { ensureInstallation, OWNER_EMAIL } from "./installation.ts";
import { findApiToken } from "./store.ts";
import { readApiToken } from "./token.ts";

let world: TestBase;
beforeEach(async () => {
  world = await testBase();
});
afterEach(() => world[Symbol.asyncDispose]());

test("the first start makes an organization, a site, an owner and their key", async () => {
  const installation = await ensureInstallation(world.base);
  expect(installation.owner.email).toBe(OWNER_EMAIL);
  expect(await counts()).toEqual({
    organizations: 1,
    sites: 1,
    memberships: 1,
    auth_users: 1,
    api_tokens: 1,
  });
  expect(statSync(installation.adminKeyFile).mode & 0o777).toBe(0o600);
  expect(readdirSync(world.base.config.dataDir).toSorted()).toEqual(["admin.key", "folder.id"]);
  expect(await isValid(installation.adminKeyFile)).toBe(true);
  const ctx = testCtx(world.base, systemActor(installation.organization_id));
  expect(await verifyChain(ctx)).toMatchObject({ intact: true, checked: 3 });
});

test("starting again changes nothing, several at once neither", async () => {
  const first = await Promise.all(Array.from({ length: 8 }, () => ensureInstallation(world.base)));
  const key = readFileSync(first[0]?.adminKeyFile ?? "", "utf8");
  const again = await ensureInstallation(world.base);
  expect(new Set(first.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify(again)]));
  expect(readFileSync(again.adminKeyFile, "utf8")).toBe(key);
  expect(await counts()).toEqual({
    organizations: 1,
    sites: 1,
    memberships: 1,
    auth_users: 1,
    api_tokens: 1,
  });
});

test.each<[string, (file: string) => void | Promise<void>]>([
  ["is missing", (file) => rmSync(file)],
  ["is garbage", (file) => writeFileSync(file, "half a ke")],
  ["is empty", (file) => writeFileSync(file, "")],
  [
    "has another secret",
    (file) => writeFileSync(file, `${readFileSync(file, "utf8").trim().slice(0, -4)}AAAA\n`),
  ],
  [
    "was revoked",
    async () => {
      await world.base.storage.system.updateTable("api_tokens").set({ revoked_at: new Date() }).execute();
    },
  ],
])("a key that %s is made anew, and the old one opens nothing", async (_, damage) => {
  const { adminKeyFile } = await ensureInstallation(world.base);
  const old = readApiToken(readFileSync(adminKeyFile, "utf8").trim());
  await damage(adminKeyFile);
  await ensureInstallation(world.base);
  expect(await isValid(adminKeyFile)).toBe(true);
  expect(readApiToken(readFileSync(adminKeyFile, "utf8").trim())?.id).not.toBe(old?.id);
  const row = await findApiToken(world.base.storage.system, old?.id ?? "");
  expect(row?.revoked_at).toBeInstanceOf(Date);
});

describe("two data folders over one database, on one host", () => {
  let other: string;
  beforeEach(() => {
    other = mkdtempSync(join(tmpdir(), "flowplane-other-"));
  });
  afterEach(() => rmSync(other, { recursive: true, force: true }));
  const inOther = (): Base => ({ ...world.base, config: { ...world.base.config, dataDir: other } });

  test("each has a key of its own, by its own name", async () => {
    const first = await ensureInstallation(world.base);
    const second = await ensureInstallation(inOther());
    expect(await isValid(first.adminKeyFile)).toBe(true);
    expect(await isValid(second.adminKeyFile)).toBe(true);
    const names = await keyNames();
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^admin\.key on \S+ \([0-9a-f]{12}\)$/);
  });

  test("losing one leaves the other", async () => {
    const first = await ensureInstallation(world.base);
    const second = await ensureInstallation(inOther());
    const lost = readApiToken(readFileSync(second.adminKeyFile, "utf8").trim());
    rmSync(second.adminKeyFile);
    await ensureInstallation(inOther());
    expect(await isValid(first.adminKeyFile)).toBe(true);
    expect(await isValid(second.adminKeyFile)).toBe(true);
    expect((await findApiToken(world.base.storage.system, lost?.id ?? ""))?.revoked_at).toBeInstanceOf(Date);
    expect(await keyNames()).toHaveLength(2);
  });

  test("a key named by its host alone, as older versions did, stays and is told apart from then on", async () => {
    const { adminKeyFile } = await ensureInstallation(world.base);
    const key = readFileSync(adminKeyFile, "utf8");
    const old = `admin.key on ${hostname()}`;
    await world.base.storage.system.updateTable("api_tokens").set({ name: old }).execute();
    rmSync(join(world.base.config.dataDir, "folder.id"));
    await ensureInstallation(inOther());
    expect(await isValid(adminKeyFile)).toBe(true);
    await ensureInstallation(world.base);
    expect(readFileSync(adminKeyFile, "utf8")).toBe(key);
    expect(await keyNames()).not.toContain(old);
    rmSync(adminKeyFile);
    await ensureInstallation(world.base);
    const row = await findApiToken(world.base.storage.system, readApiToken(key.trim())?.id ?? "");
    expect(row?.revoked_at).toBeInstanceOf(Date);
  });
});

test("a key that others could read is closed again", async () => {
  const { adminKeyFile } = await ensureInstallation(world.base);
  const key = readFileSync(adminKeyFile, "utf8");
  chmodSync(adminKeyFile, 0o644);
  await ensureInstallation(world.base);
  expect(statSync(adminKeyFile).mode & 0o777).toBe(0o600);
  expect(readFileSync(adminKeyFile, "utf8")).toBe(key);
});

async function isValid(file: string): Promise<boolean> {
  const token = readApiToken(readFileSync(file, "utf8").trim());
  const row = await findApiToken(world.base.storage.system, token?.id ?? "");
  return row?.revoked_at === null && row.role === "owner";
}

/** Names of the keys that open something, in any order. */
async function keyNames(): Promise<string[]> {
  const rows = await world.base.storage.system
    .selectFrom("api_tokens")
    .select("name")
    .where("revoked_at", "is", null)
    .execute();
  return rows.map(({ name }) => name);
}

async function counts() {
  const tables = ["organizations", "sites", "memberships", "auth_users", "api_tokens"] as const;
  const entries = await Promise.all(
    tables.map(async (table) => {
      const rows = await world.base.storage.system.selectFrom(table).selectAll().execute();
      return [table, rows.length] as const;
    }),
  );
  return Object.fromEntries(entries);
}
