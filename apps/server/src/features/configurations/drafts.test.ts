import { afterEach, beforeEach, expect, test } from "vitest";
import { CONFIGURATION_CHARS_MAX, CONFIGURATION_DRAFTS_MAX } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import { create, GOOD, startWorld, type World } from "./testing.ts";

const OVERLAY = { name: "prod", selector: 'labels.env == "prod"', body: "exporters: {debug: {}}\n" };
const UNFINISHED = { name: "dev", selector: "", body: "" };
const CHANGED = GOOD.replace("4317", "4319");

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const draftOf = (id: string) => `/configurations/${id}/draft`;
const put = (id: string, body: object) => world.call("PUT", draftOf(id), body);
const read = async (id: string) => (await world.call("GET", draftOf(id))).body;
const save = (id: string, body: object) =>
  world.call("POST", `/configurations/${id}/versions`, { message: "Because", ...body });

test("a draft is kept as it is, no YAML too, and comes back with its problems", async () => {
  const { id } = await create(world);
  expect(await read(id)).toEqual({ draft: null, others: [] });
  const kept = await put(id, { body: "receivers: [", overlays: [OVERLAY, UNFINISHED], based_on: 1 });
  expect(kept).toMatchObject({
    status: 200,
    body: {
      body: "receivers: [",
      overlays: [OVERLAY, UNFINISHED],
      based_on: 1,
      is_behind: false,
      revision: 1,
    },
  });
  const found = kept.body.problems.map(({ code, overlay }: { code: string; overlay: string | null }) => [
    overlay,
    code,
  ]);
  expect(found).toEqual([
    [null, "syntax"],
    ["dev", "empty"],
    ["dev", "bad_selector"],
  ]);
  expect((await read(id)).draft).toEqual(kept.body);
  expect((await world.call("GET", "/configurations")).body.items).toMatchObject([{ id, drafts: 1 }]);
  expect((await world.call("GET", `/configurations/${id}`)).body.current_version).toBe(1);
  expect((await world.call("DELETE", draftOf(id))).status).toBe(204);
  expect((await world.call("DELETE", draftOf(id))).status).toBe(204);
  expect(await read(id)).toEqual({ draft: null, others: [] });
});

test("a draft without overlays keeps those of the version it was begun from, and is written down nowhere else", async () => {
  const { id } = await create(world);
  await save(id, { body: GOOD, overlays: [OVERLAY] });
  const audited = () =>
    world.base.storage.system.selectFrom("audit_events").select("action").orderBy("seq").execute();
  const before = await audited();
  expect((await put(id, { body: CHANGED, based_on: 2 })).body.overlays).toEqual([OVERLAY]);
  expect((await put(id, { body: CHANGED, based_on: 1 })).body.overlays).toEqual([]);
  expect(await audited()).toEqual(before);
});

test("saving a version removes the draft it was made of, and no other", async () => {
  const { id } = await create(world);
  await put(id, { body: CHANGED, based_on: 1 });
  await put(id, { body: `${CHANGED}# more\n`, based_on: 1 });
  expect((await save(id, { body: CHANGED, draft_revision: 1 })).status).toBe(201);
  expect((await read(id)).draft).toMatchObject({ body: `${CHANGED}# more\n`, revision: 2 });
  expect((await save(id, { body: GOOD })).status).toBe(201);
  expect((await read(id)).draft).not.toBeNull();
  // What is refused leaves the draft alone.
  expect((await save(id, { body: "receivers: [", draft_revision: 2 })).status).toBe(400);
  expect((await read(id)).draft).not.toBeNull();
  expect((await save(id, { body: `${CHANGED}# more\n`, draft_revision: 2 })).status).toBe(201);
  expect(await read(id)).toEqual({ draft: null, others: [] });
});

test("a draft says when somebody else saved a version, and drafts of others are named without their text", async () => {
  const { id } = await create(world);
  const ada = await world.addPerson("Ada");
  expect((await world.call("PUT", draftOf(id), { body: "ada: [", based_on: 1 }, ada)).status).toBe(200);
  expect(await read(id)).toEqual({
    draft: null,
    others: [{ name: "Ada", based_on: 1, updated_at: expect.any(String) }],
  });
  await save(id, { body: CHANGED });
  const { body } = await world.call("GET", draftOf(id), undefined, ada);
  expect(body).toMatchObject({ draft: { based_on: 1, current_version: 2, is_behind: true }, others: [] });
  const onTop = await world.call("PUT", draftOf(id), { body: "ada: [", based_on: 2 }, ada);
  expect(onTop.body).toMatchObject({ based_on: 2, is_behind: false });
  const early = await put(id, { body: GOOD, based_on: 3 });
  expect([early.status, early.body.errors]).toMatchObject([400, [{ pointer: "/based_on" }]]);
});

test("two windows of one person: the later one is told that the draft went on", async () => {
  const { id } = await create(world);
  expect((await put(id, { body: "one", based_on: 1, revision: 0 })).status).toBe(200);
  const late = await put(id, { body: "two", based_on: 1, revision: 0 });
  expect([late.status, late.body.detail]).toEqual([
    409,
    expect.stringContaining("Your draft was changed in another window"),
  ]);
  expect((await read(id)).draft.body).toBe("one");
  expect((await put(id, { body: "two", based_on: 1, revision: 1 })).body.revision).toBe(2);
  expect((await put(id, { body: "three", based_on: 1 })).body.revision).toBe(3);
  await world.call("DELETE", draftOf(id));
  expect((await put(id, { body: "four", based_on: 1, revision: 3 })).body.detail).toContain(
    "saved or discarded in another window",
  );
});

test("an API token has no draft: it is told so, and sees that people have", async () => {
  const { id } = await create(world);
  const token = { ...world.ctx.actor, type: "api_token" as const, id: newId(), name: "ci" };
  await put(id, { body: CHANGED, based_on: 1 });
  const { status, body } = await world.call("GET", draftOf(id), undefined, token);
  expect([status, body]).toMatchObject([200, { draft: null, others: [{ name: "owner", based_on: 1 }] }]);
  for (const answer of [
    await world.call("PUT", draftOf(id), { body: GOOD, based_on: 1 }, token),
    await world.call("DELETE", draftOf(id), undefined, token),
  ])
    expect([answer.status, answer.body.detail]).toEqual([
      403,
      expect.stringContaining("Drafts are kept for people, and an API token is none."),
    ]);
});

test("a draft goes with its configuration, and with its owner's membership", async () => {
  const { id } = await create(world);
  const ada = await world.addPerson("Ada");
  const { system } = world.base.storage;
  const count = async () =>
    (await system.selectFrom("configuration_drafts").select("user_name").execute()).length;
  await world.call("PUT", draftOf(id), { body: "ada", based_on: 1 }, ada);
  await put(id, { body: CHANGED, based_on: 1 });
  expect(await count()).toBe(2);
  await system.deleteFrom("memberships").where("user_id", "=", ada.id).execute();
  expect(await count()).toBe(1);
  expect((await world.call("DELETE", `/configurations/${id}`)).status).toBe(204);
  expect(await count()).toBe(0);
  expect((await put(id, { body: CHANGED, based_on: 1 })).status).toBe(404);
});

test("what is too long is refused with the limit, and so is one draft more than an organization can have", async () => {
  const { id } = await create(world);
  const long = await put(id, { body: "x".repeat(CONFIGURATION_CHARS_MAX + 1), based_on: 1 });
  expect([long.status, long.body.errors]).toMatchObject([400, [{ pointer: "/body" }]]);
  const { organization_id } = world.ctx.actor;
  const people = Array.from({ length: CONFIGURATION_DRAFTS_MAX }, () => newId());
  const { system } = world.base.storage;
  await system
    .insertInto("auth_users")
    .values(people.map((id) => ({ id, name: id, email: `${id}@flowplane.localhost` })))
    .execute();
  await system
    .insertInto("memberships")
    .values(people.map((user_id) => ({ organization_id, user_id, role: "viewer" as const })))
    .execute();
  await system
    .insertInto("configuration_drafts")
    .values(
      people.map((user_id) => ({
        configuration_id: id,
        user_id,
        organization_id,
        user_name: "somebody",
        body: "",
        overlays: "[]",
        based_on: 1,
        revision: 1,
        updated_at: new Date(),
      })),
    )
    .execute();
  const full = await put(id, { body: GOOD, based_on: 1 });
  expect([full.status, full.body.detail]).toEqual([
    409,
    expect.stringContaining(`There are ${CONFIGURATION_DRAFTS_MAX} drafts in your organization`),
  ]);
});
