import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import * as testing from "./testing.ts";
import { addCollector, addCollectors, GOOD, startWorld, type World } from "./testing.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const create = (name?: string) => testing.create(world, name);

test("versions are counted, keep their text for ever, and say what they do otherwise", async () => {
  const { id } = await create();
  const changed = GOOD.replace("4317", "4319");
  const saved = await world.call("POST", `/configurations/${id}/versions`, {
    body: changed,
    message: "Other port",
    based_on: 1,
  });
  expect(saved).toMatchObject({
    status: 201,
    body: { version: 2, message: "Other port", warnings: 0, bytes: changed.length },
  });
  expect((await world.call("GET", `/configurations/${id}/versions/1`)).body.body).toBe(GOOD);
  expect((await world.call("GET", `/configurations/${id}`)).body).toMatchObject({
    current_version: 2,
    hash: saved.body.hash,
  });
  expect((await world.call("GET", `/configurations/${id}/diff?from=1&to=2`)).body.changes).toEqual([
    { change: "changed", what: "receiver", id: "otlp", settings: [["protocols", "grpc", "endpoint"]] },
  ]);
  const { body: list } = await world.call("GET", `/configurations/${id}/versions?limit=1`);
  expect(list.items.map(({ version }: { version: number }) => version)).toEqual([2]);
  const { body: rest } = await world.call(
    "GET",
    `/configurations/${id}/versions?limit=1&cursor=${list.next_cursor}`,
  );
  expect(rest.items.map(({ version }: { version: number }) => version)).toEqual([1]);
  await expect(
    world.base.storage.system.updateTable("configuration_versions").set({ body: "other" }).execute(),
  ).rejects.toThrow("permission denied");
});

test("what a Collector would refuse is not saved, and every place is named", async () => {
  const { id } = await create();
  const bad = GOOD.replace("[otlp]", "[otpl]").replace("[debug]", "[debgu]");
  const { status, body } = await world.call("POST", `/configurations/${id}/versions`, {
    body: bad,
    message: "Typo",
  });
  expect(status).toBe(400);
  expect(body.detail).toBe(
    "A Collector would refuse it, at line 7: The pipeline logs uses the receiver otpl, which is not defined. Did you mean otlp? There are 2 errors.",
  );
  expect(body.errors.map(({ message }: { message: string }) => message.split(":")[0])).toEqual([
    "line 7, column 24",
    "line 7, column 43",
  ]);
  expect((await world.call("GET", `/configurations/${id}`)).body.current_version).toBe(1);
});

test("two people who save at once: the later one is told, nothing is lost", async () => {
  const { id } = await create();
  const save = (body: string) =>
    world.call("POST", `/configurations/${id}/versions`, { body, message: "Mine", based_on: 1 });
  const answers = await Promise.all([save(GOOD.replace("4317", "1")), save(GOOD.replace("4317", "2"))]);
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  expect(answers.find(({ status }) => status === 409)?.body.detail).toContain(
    "Version 2 was saved in the meantime",
  );
});

test("the same text again is refused, as are a taken name and an archived configuration", async () => {
  const { id } = await create();
  expect(
    (await world.call("POST", `/configurations/${id}/versions`, { body: GOOD, message: "Again" })).status,
  ).toBe(409);
  expect((await world.call("POST", "/configurations", { name: "edge", body: GOOD })).status).toBe(409);
  expect((await world.call("DELETE", `/configurations/${id}`)).status).toBe(204);
  expect((await world.call("PATCH", `/configurations/${id}`, { name: "other" })).status).toBe(404);
  expect((await world.call("GET", `/configurations/${id}/versions/1`)).status).toBe(200);
  expect((await world.call("GET", "/configurations")).body.items).toEqual([]);
  await create();
});

test("a check says which agents lack what, counted over the fleet", async () => {
  await addCollectors(world, 3, ["otlp"]);
  await addCollectors(world, 2, ["filelog"]);
  await addCollectors(world, 1, null);
  const { body } = await world.call("POST", "/configurations/check", { body: GOOD });
  expect(body).toMatchObject({
    problems: [],
    fleet: { agents: 6, reporting: 5 },
    lacks: [
      { kind: "receivers", type: "otlp", agents: 2, sentence: "2 of 5 agents lack the receiver otlp." },
    ],
    graph: { edges: [{ from: "receiver:otlp", to: "exporter:debug" }] },
  });
  const narrowed = await world.call("POST", "/configurations/check", {
    body: GOOD,
    agents: "label.has=otlp",
  });
  expect(narrowed.body).toMatchObject({ fleet: { agents: 3, reporting: 3 }, lacks: [] });
  expect(
    (await world.call("POST", "/configurations/check", { body: GOOD, agents: "kind:nonsense" })).status,
  ).toBe(400);
});

test("a configuration begins with what an agent runs; an agent that does not say is named", async () => {
  const [silent, one, two] = [newId(), newId(), newId()];
  await addCollector(world, silent, {});
  await addCollector(world, one, {
    effective_config: JSON.stringify([{ name: "", content_type: "text/yaml", body: GOOD }]),
  });
  await addCollector(world, two, {
    effective_config: JSON.stringify(
      ["a", "b"].map((name) => ({ name, content_type: "text/yaml", body: GOOD })),
    ),
  });
  expect((await world.call("POST", "/configurations/import", { agent_id: one })).body).toEqual({
    entry: "",
    body: GOOD,
    problems: [],
  });
  expect((await world.call("POST", "/configurations/import", { agent_id: two })).body.detail).toContain(
    'choose one with entry: "a", "b"',
  );
  expect((await world.call("POST", "/configurations/import", { agent_id: two, entry: "b" })).status).toBe(
    200,
  );
  expect((await world.call("POST", "/configurations/import", { agent_id: silent })).body.detail).toContain(
    "has not reported what it runs",
  );
});
