import { afterEach, beforeEach, expect, test } from "vitest";
import { PolicyDocument } from "@flowplane/contract";
import { inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { DEFAULT_DOCUMENT, ensureDefaultPolicy } from "./default.ts";
import { hashDocument } from "./hash.ts";
import {
  archivePolicy,
  changePolicy,
  createPolicy,
  createVersion,
  listPolicyPage,
  listVersions,
  readPolicy,
} from "./policies.ts";
import { resolvePolicy } from "./resolve.ts";

let world: TestBase;
let ctx: Ctx;
beforeEach(async () => {
  world = await testBase();
  ({ ctx } = await testOrganization(world.base));
});
afterEach(() => world[Symbol.asyncDispose]());

const ENFORCE = PolicyDocument.parse({ mode: "enforce", actions: { loop: [{ do: "stop" }] } });
const SHADOW = PolicyDocument.parse({});

test("an organization has one default policy, however many ask for it at once", async () => {
  const found = await Promise.all(
    Array.from({ length: 8 }, () => inTransaction(ctx, (ctx) => resolvePolicy(ctx))),
  );
  expect(new Set(found.map(({ policy_id }) => policy_id)).size).toBe(1);
  expect(found[0]).toMatchObject({ policy_name: "Default", version: 1, document: DEFAULT_DOCUMENT });
  expect((await listPolicyPage(ctx, { limit: 10 })).items.map(({ is_default }) => is_default)).toEqual([
    true,
  ]);
});

test("the default contradicts nothing, and enforcing it is one word", () => {
  expect(PolicyDocument.parse({ ...DEFAULT_DOCUMENT, mode: "enforce" }).mode).toBe("enforce");
});

test("versions follow one another and never change; the same document again is refused", async () => {
  const policy = await createPolicy(ctx, { name: "Careful", description: "", document: SHADOW });
  expect(policy).toMatchObject({ current_version: 1, current: { mode: "shadow" }, is_default: false });
  const second = await createVersion(ctx, policy.id, { document: ENFORCE, message: "It was right all week" });
  expect(second).toMatchObject({ version: 2, hash: hashDocument(ENFORCE), message: "It was right all week" });
  await expect(createVersion(ctx, policy.id, { document: ENFORCE, message: "again" })).rejects.toThrow(
    "That is what version 2 says already.",
  );
  const page = await listVersions(ctx, policy.id, { limit: 1 });
  expect(page.items.map(({ version }) => version)).toEqual([2]);
  const next = await listVersions(ctx, policy.id, { limit: 1, cursor: page.next_cursor ?? "" });
  expect(next.items).toMatchObject([{ version: 1, document: { mode: "shadow" } }]);
  expect(next.next_cursor).toBeNull();
});

test("the hash is of what a document says, not of how it is written down", () => {
  const turned = Object.fromEntries(Object.entries(ENFORCE).toReversed());
  expect(hashDocument(turned)).toBe(hashDocument(ENFORCE));
  expect(hashDocument(SHADOW)).not.toBe(hashDocument(ENFORCE));
});

test("a launch gets the version it names, else the newest, else the default's", async () => {
  const { id } = await createPolicy(ctx, { name: "Careful", description: "", document: SHADOW });
  await createVersion(ctx, id, { document: ENFORCE, message: "sure now" });
  const resolve = (ref?: { policy_id: string; version?: number }) =>
    inTransaction(ctx, (ctx) => resolvePolicy(ctx, ref));
  expect(await resolve({ policy_id: id })).toMatchObject({ version: 2, document: { mode: "enforce" } });
  expect(await resolve({ policy_id: id, version: 1 })).toMatchObject({ document: { mode: "shadow" } });
  await expect(resolve({ policy_id: id, version: 3 })).rejects.toMatchObject({ code: "invalid_input" });
  for (const nobodys of [newId(), "nonsense"])
    await expect(resolve({ policy_id: nobodys })).rejects.toMatchObject({ code: "not_found" });
  const other = await testOrganization(world.base);
  await expect(
    inTransaction(other.ctx, (ctx) => resolvePolicy(ctx, { policy_id: id })),
  ).rejects.toMatchObject({ code: "not_found" });
  await changePolicy(ctx, id, { is_default: true });
  expect(await resolve()).toMatchObject({ policy_id: id });
});

test("there is always exactly one default, and names are used once", async () => {
  const first = await inTransaction(ctx, ensureDefaultPolicy);
  const { id } = await createPolicy(ctx, { name: "Careful", description: "", document: SHADOW });
  expect(await changePolicy(ctx, id, { is_default: true })).toMatchObject({ is_default: true });
  expect(await readPolicy(ctx, first.id)).toMatchObject({ is_default: false });
  await expect(
    createPolicy(ctx, { name: "Careful", description: "", document: SHADOW }),
  ).rejects.toMatchObject({ code: "conflict" });
  await expect(changePolicy(ctx, first.id, { name: "Careful" })).rejects.toMatchObject({ code: "conflict" });
});

test("what is used is not archived; what is archived is not used", async () => {
  const first = await inTransaction(ctx, ensureDefaultPolicy);
  await expect(archivePolicy(ctx, first.id)).rejects.toThrow("Make another one the default first.");
  const { id } = await createPolicy(ctx, { name: "Careful", description: "", document: SHADOW });
  const job = {
    id: newId(),
    organization_id: ctx.actor.organization_id,
    name: "nightly",
    command: "/bin/true",
    args: "[]",
    grace_ms: 0,
    policy_id: id,
    created_by: "{}",
    created_at: new Date(),
    updated_at: new Date(),
  };
  await world.base.storage.system.insertInto("jobs").values(job).execute();
  await expect(archivePolicy(ctx, id)).rejects.toThrow(
    "Careful is used by nightly. Give them another policy first.",
  );
  await world.base.storage.system.updateTable("jobs").set({ archived_at: new Date() }).execute();
  await archivePolicy(ctx, id);
  await expect(readPolicy(ctx, id)).rejects.toMatchObject({ code: "not_found" });
  await expect(inTransaction(ctx, (ctx) => resolvePolicy(ctx, { policy_id: id }))).rejects.toMatchObject({
    code: "conflict",
  });
  await createPolicy(ctx, { name: "Careful", description: "the name is free again", document: SHADOW });
});

test.each<[string, object, (string | number)[]]>([
  ["a canary without a share", { mode: "canary", actions: { loop: [{ do: "stop" }] } }, ["canary_percent"]],
  ["a share without a canary", { canary_percent: 5 }, ["canary_percent"]],
  ["enforcing nothing", { mode: "enforce", actions: { loop: [{ do: "notify" }] } }, ["actions"]],
  [
    "something after the end",
    { actions: { loop: [{ do: "stop_for_good" }, { do: "stop" }] } },
    ["actions", "loop"],
  ],
  [
    "a fall-back that ends before what led to it is forgotten",
    { rate_limit: { window_ms: 600_000, fallback_ms: 599_999 } },
    ["rate_limit", "fallback_ms"],
  ],
  [
    "a rung that the guard is always ahead of",
    {
      cooldown_ms: 60_000,
      rate_limit: { interventions_max: 1 },
      actions: { stall: [{ do: "notify" }, { do: "restart" }, { do: "stop" }] },
    },
    ["actions", "stall", 2],
  ],
  ["a benign part that every line has", { benign: ["  e "] }, ["benign", 0]],
])("a policy that contradicts itself is refused where it does: %s", (_what, document, path) => {
  const parsed = PolicyDocument.safeParse(document);
  expect(parsed.error?.issues.map((issue) => issue.path)).toEqual([path]);
});
