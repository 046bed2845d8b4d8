import { chmodSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
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
  expect(readdirSync(world.base.config.dataDir)).toEqual(["admin.key"]);
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
