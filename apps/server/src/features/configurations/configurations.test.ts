import { afterEach, beforeEach, expect, test } from "vitest";
import type { Configuration } from "@flowplane/contract";
import { createHttp } from "../../platform/http/server.ts";
import { newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization } from "../../testing/base.ts";
import { configurationRoutes } from "./routes.ts";

const GOOD = `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
exporters:
  debug:
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;

// oxlint-disable-next-line typescript/no-explicit-any -- answers of every endpoint are looked into
type Answer = { status: number; body: any };
type World = Awaited<ReturnType<typeof startWorld>>;
let world: World;
beforeEach(async () => {
  world = await startWorld();
});
afterEach(() => world.close());

async function startWorld() {
  const testing = await testBase();
  const { ctx, actor } = await testOrganization(testing.base);
  const http = await createHttp(testing.base, async () => actor);
  configurationRoutes(http);
  await http.fastify.ready();
  return {
    base: testing.base,
    ctx,
    async call(method: "GET" | "POST" | "PATCH" | "DELETE", path: string, body?: object): Promise<Answer> {
      const response = await http.fastify.inject({
        method,
        url: `/api/v1${path}`,
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: response.statusCode, body: response.payload === "" ? null : response.json() };
    },
    async close() {
      await http.fastify.close();
      await testing[Symbol.asyncDispose]();
    },
  };
}

async function create(name = "edge", body = GOOD): Promise<Configuration> {
  const { status, body: made } = await world.call("POST", "/configurations", { name, body });
  expect([status, made.detail]).toEqual([201, undefined]);
  return made;
}

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
  await addCollectors(world.ctx, 3, ["otlp"]);
  await addCollectors(world.ctx, 2, ["filelog"]);
  await addCollectors(world.ctx, 1, null);
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
  await addCollector(world.ctx, silent, {});
  await addCollector(world.ctx, one, {
    effective_config: JSON.stringify([{ name: "", content_type: "text/yaml", body: GOOD }]),
  });
  await addCollector(world.ctx, two, {
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

async function addCollectors(ctx: Ctx, count: number, receivers: readonly string[] | null): Promise<void> {
  const hash = Buffer.from(receivers?.join() ?? "none");
  const map = (types: readonly string[]) => ({
    sub_component_map: Object.fromEntries(types.map((type) => [type, {}])),
  });
  if (receivers !== null)
    await world.base.storage.system
      .insertInto("available_components")
      .values({
        organization_id: ctx.actor.organization_id,
        hash,
        components: JSON.stringify({ receivers: map(receivers), exporters: map(["debug"]) }),
      })
      .execute();
  for (let index = 0; index < count; index += 1)
    await addCollector(ctx, newId(), receivers === null ? {} : { available_components_hash: hash }, {
      has: receivers?.join() ?? "",
    });
}

async function addCollector(
  ctx: Ctx,
  id: string,
  report: { effective_config?: string; available_components_hash?: Buffer },
  labels: Record<string, string> = {},
): Promise<void> {
  const { organization_id } = ctx.actor;
  const { system } = world.base.storage;
  const site = await system
    .selectFrom("sites")
    .select("id")
    .where("organization_id", "=", organization_id)
    .executeTakeFirstOrThrow();
  await system
    .insertInto("agents")
    .values({
      id,
      organization_id,
      site_id: site.id,
      kind: "collector",
      name: id,
      approval: "approved",
      labels: JSON.stringify(labels),
    })
    .execute();
  await system
    .insertInto("agent_reports")
    .values({
      agent_id: id,
      organization_id,
      identifying_attributes: "{}",
      non_identifying_attributes: "{}",
      custom_capabilities: "[]",
      ...report,
    })
    .execute();
}
