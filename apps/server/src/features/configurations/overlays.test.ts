import { createHash } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { OVERLAYS_MAX } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import { addCollector, create, GOOD, startWorld, type World } from "./testing.ts";

const PROD = {
  name: "prod",
  selector: 'labels.env == "prod"',
  body: "exporters: {debug: {verbosity: basic}}\n",
};

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const save = (id: string, overlays: readonly object[], body = GOOD) =>
  world.call("POST", `/configurations/${id}/versions`, { body, overlays, message: "Overlays" });

test("a version keeps its overlays; they count in its hash, and without them the hash is the text's", async () => {
  const { id, hash } = await create(world);
  expect(hash).toBe(createHash("sha256").update(GOOD).digest("hex"));
  const saved = await save(id, [PROD]);
  expect(saved).toMatchObject({ status: 201, body: { version: 2, bytes: GOOD.length + PROD.body.length } });
  expect(saved.body.hash).not.toBe(hash);
  expect((await world.call("GET", `/configurations/${id}/versions/2`)).body.overlays).toEqual([PROD]);
  expect((await world.call("GET", `/configurations/${id}/versions/1`)).body.overlays).toEqual([]);
  expect((await save(id, [PROD])).body.detail).toBe("That is what version 2 says already.");
  const made = await world.call("POST", "/configurations", { name: "other", body: GOOD, overlays: [PROD] });
  expect(made.body.hash).toBe(saved.body.hash);
  const bodyAlone = { body: GOOD.replace("4317", "4319"), message: "Other port" };
  expect((await world.call("POST", `/configurations/${id}/versions`, bodyAlone)).status).toBe(201);
  expect((await world.call("GET", `/configurations/${id}/versions/3`)).body.overlays).toEqual([PROD]);
  expect((await save(id, [])).status).toBe(201);
  expect((await world.call("GET", `/configurations/${id}/versions/4`)).body.overlays).toEqual([]);
});

test("a difference names the overlay that changed, its selector, and what in it", async () => {
  const { id } = await create(world);
  const dev = { ...PROD, name: "dev", selector: 'labels.env == "dev"' };
  await save(id, [PROD, dev]);
  await save(id, [
    { ...PROD, selector: 'labels.env == "live"', body: "exporters: {debug: {verbosity: normal}}\n" },
    { ...dev, name: "test" },
  ]);
  const { body } = await world.call("GET", `/configurations/${id}/diff?from=2&to=3`);
  expect(body.changes).toEqual([
    { change: "removed", what: "overlay", id: "dev", settings: [] },
    { change: "changed", what: "overlay", id: "prod", settings: [["selector"]] },
    { overlay: "prod", change: "changed", what: "exporter", id: "debug", settings: [["verbosity"]] },
    { change: "added", what: "overlay", id: "test", settings: [] },
  ]);
});

test("what is wrong in an overlay is told at its place in the overlay, alone or laid over the body, and not saved", async () => {
  const { id } = await create(world);
  const broken = { ...PROD, body: "exporters:\n  debug: {}\n  debug: {}\n" };
  const section = { ...PROD, body: "exporter:\n  debug: {}\n" };
  const dangling = { ...PROD, body: "service:\n  pipelines:\n    logs:\n      exporters: [debgu]\n" };
  const selector = { ...PROD, selector: "labels.env = 'prod'" };
  const found = async (overlay: object) =>
    (
      await world.call("POST", "/configurations/check", { body: GOOD, overlays: [overlay] })
    ).body.problems.filter(({ severity }: { severity: string }) => severity === "error");
  expect(await found(PROD)).toEqual([]);
  expect(await found(broken)).toMatchObject([{ code: "duplicate_key", overlay: "prod", line: 3 }]);
  expect(await found(section)).toMatchObject([{ code: "unknown_section", overlay: "prod", line: 1 }]);
  expect(await found(dangling)).toMatchObject([{ code: "dangling", overlay: "prod", line: 4, column: 19 }]);
  expect(await found(selector)).toMatchObject([
    { code: "bad_selector", overlay: "prod", path: ["selector"] },
  ]);
  const refused = await save(id, [dangling]);
  expect(refused.status).toBe(400);
  expect(refused.body.detail).toBe(
    "A Collector would refuse it, in the overlay prod at line 4: The pipeline logs uses the exporter debgu, which is not defined. Did you mean debug?",
  );
  expect(refused.body.errors).toMatchObject([{ pointer: "/overlays/0/body" }]);
  expect((await save(id, [selector])).body.errors).toMatchObject([{ pointer: "/overlays/0/selector" }]);
  expect((await world.call("GET", `/configurations/${id}`)).body.current_version).toBe(1);
});

test("names that collide, too many overlays and texts that are too long are refused by name", async () => {
  const { id } = await create(world);
  const many = Array.from({ length: OVERLAYS_MAX + 1 }, (_, index) => ({ ...PROD, name: `o${index}` }));
  const long = (index: number) => ({
    ...PROD,
    name: `o${index}`,
    body: `${PROD.body}#${"x".repeat(60_000)}`,
  });
  for (const [overlays, pointer] of [
    [[PROD, { ...PROD, name: "PROD" }], "/overlays/1/name"],
    [[{ ...PROD, name: "../prod" }], "/overlays/0/name"],
    [[{ ...PROD, selector: "true\n|| false" }], "/overlays/0/selector"],
    [many, "/overlays"],
    [[0, 1, 2, 3, 4].map(long), "/overlays"],
  ] as const) {
    const { status, body } = await save(id, overlays);
    expect([status, body.errors.map((error: { pointer: string }) => error.pointer)]).toEqual([
      400,
      [pointer],
    ]);
  }
});

test("a preview composes for one agent, says which overlays match it and why it would not be sent", async () => {
  const [prod, dev] = [newId(), newId()];
  await addCollector(world, prod, {}, { env: "prod" });
  await addCollector(world, dev, {}, { env: "dev" });
  const preview = (agent_id: string, body = GOOD) =>
    world.call("POST", "/configurations/preview", { body, overlays: [PROD], agent_id });
  const matched = await preview(prod, GOOD.replace("4317", "${var:PORT}"));
  expect(matched).toMatchObject({ status: 200, body: { overlays: ["prod"], problems: [] } });
  expect(matched.body.composed).toContain("${var:PORT}");
  expect(matched.body.composed).toContain("verbosity: basic");
  expect(matched.body.held).toEqual(expect.any(String));
  expect((await preview(dev)).body).toMatchObject({ overlays: [], composed: GOOD });
  expect((await preview(dev, "receivers: [")).body).toMatchObject({
    composed: null,
    overlays: [],
    problems: [{ code: "syntax", overlay: null }],
  });
  expect((await preview(newId())).status).toBe(404);
});
