import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AGENT_VIEWS_MAX } from "@flowplane/contract";
import { newId, type Ctx } from "../../platform/context.ts";
import { testActor, testBase, testCtx, testOrganization, type TestBase } from "../../testing/base.ts";
import { deleteAgentView, listAgentViews, putAgentView } from "./views.ts";

const PROD = { q: "label.env=prod", sort: "state" } as const;

let server: TestBase;
let ada: Ctx;
let grace: Ctx;
beforeAll(async () => {
  server = await testBase();
});
afterAll(() => server[Symbol.asyncDispose]());
beforeEach(async () => {
  ({ ctx: ada } = await testOrganization(server.base));
  grace = testCtx(server.base, testActor(ada.actor.organization_id));
  for (const { actor } of [ada, grace]) await join(actor.id, actor.organization_id);
});

async function join(id: string, organization_id: string): Promise<void> {
  const { system } = server.base.storage;
  await system
    .insertInto("auth_users")
    .values({ id, name: "somebody", email: `${id}@example.com`, image: null, last_signed_in_at: null })
    .execute();
  await system.insertInto("memberships").values({ organization_id, user_id: id, role: "viewer" }).execute();
}

const named = async (ctx: Ctx) => (await listAgentViews(ctx)).items.map(({ name }) => name);

test("a view is its person's own: kept, renamed, changed and forgotten, and nobody else's", async () => {
  const id = newId();
  const kept = await putAgentView(ada, id, { name: "prod", search: PROD });
  expect(kept).toMatchObject({ id, name: "prod", search: PROD });
  expect((await listAgentViews(ada)).items).toEqual([kept]);
  expect(await named(grace)).toEqual([]);
  await expect(deleteAgentView(grace, id)).rejects.toMatchObject({ code: "not_found" });
  // The same id and the same name are free for everybody else.
  await putAgentView(grace, id, { name: "prod", search: {} });
  expect((await listAgentViews(ada)).items).toEqual([kept]);

  await putAgentView(ada, id, { name: "a production", search: { q: "x" } });
  await putAgentView(ada, newId(), { name: "B", search: PROD });
  expect((await listAgentViews(ada)).items).toMatchObject([
    { id, name: "a production", search: { q: "x" } },
    { name: "B" },
  ]);
  await expect(putAgentView(ada, newId(), { name: "B", search: {} })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("called B already"),
  });
  await deleteAgentView(ada, id);
  expect(await named(ada)).toEqual(["B"]);
  await expect(deleteAgentView(ada, id)).rejects.toMatchObject({ code: "not_found" });
  expect(await named(grace)).toEqual(["prod"]);
});

test("another organization of the same person has views of its own", async () => {
  await putAgentView(ada, newId(), { name: "here", search: {} });
  const { ctx: other } = await testOrganization(server.base);
  const elsewhere = { ...other, actor: { ...other.actor, id: ada.actor.id } };
  await server.base.storage.system
    .insertInto("memberships")
    .values({ organization_id: other.actor.organization_id, user_id: ada.actor.id, role: "viewer" })
    .execute();
  expect(await named(elsewhere)).toEqual([]);
});

test("they are bounded, and go with their person", async () => {
  for (let index = 0; index < AGENT_VIEWS_MAX; index += 1)
    await putAgentView(ada, newId(), { name: `view ${index}`, search: {} });
  await expect(putAgentView(ada, newId(), { name: "one more", search: {} })).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("Forget one first"),
  });
  const { system } = server.base.storage;
  await system.deleteFrom("memberships").where("user_id", "=", ada.actor.id).execute();
  const left = await system
    .selectFrom("agent_views")
    .select("id")
    .where("user_id", "=", ada.actor.id)
    .execute();
  expect(left).toEqual([]);
});

test("an API token has none, and is told so; an id is a UUID", async () => {
  const token: Ctx = { ...ada, actor: { ...ada.actor, type: "api_token" } };
  expect(await listAgentViews(token)).toEqual({ items: [] });
  await expect(putAgentView(token, newId(), { name: "x", search: {} })).rejects.toMatchObject({
    code: "not_found",
    message: expect.stringContaining("an API token is none"),
  });
  await expect(putAgentView(ada, "1", { name: "x", search: {} })).rejects.toMatchObject({
    code: "invalid_input",
  });
});
