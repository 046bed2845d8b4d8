import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import { addCollectors, create, GOOD, startWorld, type World } from "./testing.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const levels = Array.from("bcdefghi", (name, index) => {
  const before = "abcdefgh"[index];
  return `${name}: &${name} [${Array.from({ length: 9 }, () => `*${before}`).join(",")}]\n`;
}).join("");
const BOMB = `a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n${levels}`;
const ALIASES = `x: &x {a: 1}\n${Array.from({ length: 20 }, (_, index) => `a${index}: &a${index} [${"*x,".repeat(20)}${index === 0 ? "" : `*a${index - 1}`}]\n`).join("")}`;

test.each([
  ["a YAML bomb", BOMB, "aliases", "The aliases cannot be followed"],
  ["more aliases than the limit", ALIASES, "aliases", "The aliases cannot be followed"],
  [
    "a key that is there twice",
    `${GOOD}receivers: {}\n`,
    "duplicate_key",
    "receivers is there twice in one map",
  ],
])("%s is told by a check, refused as a body and refused as an overlay", async (_, text, code, message) => {
  const { id } = await create(world);
  const { body: check } = await world.call("POST", "/configurations/check", { body: text });
  expect(check.problems).toMatchObject([
    { severity: "error", code, message: expect.stringContaining(message) },
  ]);
  const versions = `/configurations/${id}/versions`;
  const asBody = await world.call("POST", versions, { body: text, message: "Bad" });
  const overlays = [{ name: "bad", selector: 'os == "linux"', body: text }];
  const asOverlay = await world.call("POST", versions, { body: GOOD, overlays, message: "Bad" });
  for (const { status, body } of [asBody, asOverlay])
    expect([status, body.detail]).toEqual([400, expect.stringContaining(message)]);
  expect((await world.call("GET", `/configurations/${id}`)).body.current_version).toBe(1);
});

test("ten megabytes are refused before they are read, and a text over the limit with the limit", async () => {
  const huge = await world.call("POST", "/configurations", {
    name: "huge",
    body: "x".repeat(10 * 1024 * 1024),
  });
  expect([huge.status, huge.body.code]).toEqual([413, "too_large"]);
  const long = await world.call("POST", "/configurations", { name: "long", body: "x".repeat(600 * 1024) });
  expect(long.status).toBe(400);
  expect(long.body.errors).toMatchObject([
    { pointer: "/body", message: expect.stringContaining(String(512 * 1024)) },
  ]);
  // Two bytes a character: few enough characters, too many bytes.
  const wide = await world.call("POST", "/configurations", {
    name: "wide",
    body: `${GOOD}#${"é".repeat(300 * 1024)}`,
  });
  expect([wide.status, wide.body.detail]).toEqual([
    400,
    expect.stringContaining(`at most ${512 * 1024} are taken`),
  ]);
});

test("a component that no agent has is told with the count of those that lack it, and can be saved", async () => {
  await addCollectors(world, 3, ["otlp"]);
  const body = GOOD.replaceAll("otlp", "otpl");
  const { body: check } = await world.call("POST", "/configurations/check", { body });
  expect(check.lacks).toMatchObject([
    { type: "otpl", agents: 3, sentence: "All 3 agents lack the receiver otpl." },
  ]);
  await create(world, "ahead-of-the-fleet", body);
});

test("a name that is taken is refused, on creating and on renaming, and free again once archived", async () => {
  const one = await create(world, "one");
  const two = await create(world, "two");
  const made = await world.call("POST", "/configurations", { name: "one", body: GOOD });
  const renamed = await world.call("PATCH", `/configurations/${two.id}`, { name: "one" });
  for (const { status, body } of [made, renamed])
    expect([status, body.detail]).toEqual([409, "There is a configuration named one already."]);
  expect((await world.call("DELETE", `/configurations/${one.id}`)).status).toBe(204);
  expect((await world.call("PATCH", `/configurations/${two.id}`, { name: "one" })).status).toBe(200);
});

test("a configuration that agents are assigned is not archived, and the refusal counts them", async () => {
  const { id } = await create(world);
  await addCollectors(world, 2, null);
  const agents = await world.base.storage.system.selectFrom("agents").select("id").execute();
  await world.base.storage.system
    .insertInto("agent_assignments")
    .values(
      agents.map(({ id: agent_id }) => ({
        agent_id,
        organization_id: world.ctx.actor.organization_id,
        configuration_id: id,
        version: 1,
        offer_hash: newId().replaceAll("-", ""),
        assigned_at: new Date(),
        changed_at: new Date(),
      })),
    )
    .execute();
  const { status, body } = await world.call("DELETE", `/configurations/${id}`);
  expect([status, body.detail]).toEqual([409, expect.stringContaining("2 agents run edge.")]);
  expect((await world.call("GET", "/configurations")).body.items).toHaveLength(1);
});
