import type { Configuration } from "@flowplane/contract";
import { newId, type Actor, type Base } from "../../platform/context.ts";
import { createHttp } from "../../platform/http/server.ts";
import { testBase, testOrganization } from "../../testing/base.ts";
import type { Answer } from "../../testing/answer.ts";
import { deliveryRoutes } from "../delivery/routes.ts";
import { configurationRoutes } from "./routes.ts";

/** A configuration that any Collector with these components takes. */
export const GOOD = `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
exporters:
  debug:
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
export type World = Awaited<ReturnType<typeof startWorld>>;

/** The endpoints of configurations over a database of its own, called as an owner. */
export async function startWorld() {
  const testing = await testBase();
  const { ctx, actor } = await testOrganization(testing.base);
  const actors = new Map<string, Actor>([[actor.id, actor]]);
  const http = await createHttp(testing.base, async ({ headers }) => actors.get(String(headers["x-actor"])));
  await join(testing.base, actor);
  configurationRoutes(http);
  deliveryRoutes(http);
  await http.fastify.ready();
  return {
    base: testing.base,
    ctx,
    /** Another person of the same organization. */
    async addPerson(name: string): Promise<Actor> {
      const person = { ...actor, id: newId(), name };
      await join(testing.base, person);
      return person;
    },
    async call(method: Method, path: string, body?: object, as = actor): Promise<Answer> {
      actors.set(as.id, as);
      const response = await http.fastify.inject({
        method,
        url: `/api/v1${path}`,
        headers: { "x-actor": as.id },
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

async function join(base: Base, { organization_id, id: user_id, name, role }: Actor): Promise<void> {
  const { system } = base.storage;
  await system
    .insertInto("auth_users")
    .values({ id: user_id, name, email: `${user_id}@flowplane.localhost` })
    .execute();
  await system.insertInto("memberships").values({ organization_id, user_id, role }).execute();
}

/** Creates one by the API. Throws when that is refused. */
export async function create(world: World, name = "edge", body = GOOD): Promise<Configuration> {
  const { status, body: made } = await world.call("POST", "/configurations", { name, body });
  if (status !== 201) throw new Error(made.detail);
  return made;
}

/** Collectors that report these receivers, or nothing. */
export async function addCollectors(
  world: World,
  count: number,
  receivers: readonly string[] | null,
): Promise<void> {
  const hash = Buffer.from(receivers?.join() ?? "none");
  const map = (types: readonly string[]) => ({
    components: Object.fromEntries(types.map((type) => [type, {}])),
  });
  if (receivers !== null)
    await world.base.storage.system
      .insertInto("available_components")
      .values({
        organization_id: world.ctx.actor.organization_id,
        hash,
        components: JSON.stringify({ receivers: map(receivers), exporters: map(["debug"]) }),
      })
      .execute();
  for (let index = 0; index < count; index += 1)
    await addCollector(world, newId(), receivers === null ? {} : { available_components_hash: hash }, {
      has: receivers?.join() ?? "",
    });
}

/** A Collector with what it reports. */
export async function addCollector(
  world: World,
  id: string,
  report: { effective_config?: string; available_components_hash?: Buffer },
  labels: Record<string, string> = {},
): Promise<void> {
  const { organization_id } = world.ctx.actor;
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
