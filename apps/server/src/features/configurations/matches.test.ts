import { afterEach, beforeEach, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import { addCollector, GOOD, startWorld, type World } from "./testing.ts";

let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

const PROD = { name: "prod", selector: 'labels.env == "prod"' };
const EDGE = { name: "edge", selector: 'labels.zone == "edge"' };

test("overlays are counted one by one and together, and what cannot be read counts nobody", async () => {
  const [one, two, three, four] = [newId(), newId(), newId(), newId()];
  await addCollector(world, one, {}, { env: "prod", zone: "edge" });
  await addCollector(world, two, {}, { env: "prod" });
  await addCollector(world, three, {}, { env: "prod" });
  await addCollector(world, four, {});
  const overlays = [PROD, { name: "broken", selector: "labels.env =" }, EDGE];
  const { status, body } = await world.call("POST", "/configurations/overlay-matches", { overlays });
  expect([status, body]).toEqual([
    200,
    {
      agents: 4,
      overlays: [
        { name: "prod", agents: 3 },
        { name: "broken", agents: null },
        { name: "edge", agents: 1 },
      ],
      combinations: [
        { overlays: ["prod"], agents: 2, examples: [two, three].map((id) => ({ id, name: id })) },
        { overlays: ["prod", "edge"], agents: 1, examples: [{ id: one, name: one }] },
        { overlays: [], agents: 1, examples: [{ id: four, name: four }] },
      ],
    },
  ]);
});

test("a site narrows it, one of nobody is not found", async () => {
  const id = newId();
  await addCollector(world, id, {}, { env: "prod" });
  const { system } = world.base.storage;
  const elsewhere = newId();
  await system
    .insertInto("sites")
    .values({
      id: elsewhere,
      organization_id: world.ctx.actor.organization_id,
      name: "elsewhere",
      environment: "production",
    })
    .execute();
  const at = (site_id: string) =>
    world.call("POST", "/configurations/overlay-matches", { overlays: [PROD], site_id });
  expect((await at(elsewhere)).body).toMatchObject({
    agents: 0,
    overlays: [{ agents: 0 }],
    combinations: [],
  });
  expect((await at(newId())).status).toBe(404);
});

test("a preview says which lines each overlay brought", async () => {
  const id = newId();
  await addCollector(world, id, {}, { env: "prod", zone: "edge" });
  const overlays = [
    { ...PROD, body: "exporters: {debug: {verbosity: basic, sampling_initial: 5}}\n" },
    { ...EDGE, body: "exporters: {debug: {verbosity: detailed}}\n" },
  ];
  const { body } = await world.call("POST", "/configurations/preview", {
    body: GOOD,
    overlays,
    agent_id: id,
  });
  const lines: string[] = body.composed.split("\n");
  const brought = body.origins.map(
    ({ from_line, to_line, overlay }: { from_line: number; to_line: number; overlay: string }) => [
      overlay,
      lines.slice(from_line - 1, to_line).map((line) => line.trim()),
    ],
  );
  expect(brought).toEqual([
    ["edge", ["verbosity: detailed"]],
    ["prod", ["sampling_initial: 5"]],
  ]);
});
