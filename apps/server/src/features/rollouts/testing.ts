import type { Rollout } from "@flowplane/contract";
import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { DeliveryFacts, Rates } from "@flowplane/rollouts";
import { newId, type Base, type Ctx } from "../../platform/context.ts";
import { createHttp } from "../../platform/http/server.ts";
import { testBase, testOrganization, type TestBaseOptions } from "../../testing/base.ts";
import type { Answer } from "../../testing/answer.ts";
import { createConfiguration } from "../configurations/configurations.ts";
import { createVersion } from "../configurations/versions.ts";
import { connected } from "./connected.ts";
import type { Composed, Ports, Target } from "./ports.ts";
import { rolloutRoutes } from "./routes.ts";
import { advanceRollouts } from "./worker.ts";

/** How a simulated agent answers a content: with which status at once, and how it is then. */
export type Behaviour = (
  target: Target | null,
) => Partial<Pick<DeliveryFacts, "status" | "errorMessage" | "healthy">>;

export type RolloutWorld = Awaited<ReturnType<typeof rolloutWorld>>;

export function textOf(port: number): string {
  return `receivers:\n  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:${port}"}}}\nexporters:\n  debug:\nservice:\n  pipelines:\n    logs: {receivers: [otlp], exporters: [debug]}\n`;
}

/**
 * Rollouts over PostgreSQL, HTTP and worker as they are, with the agents' side in memory: what is assigned is written where the
 * delivery writes it, and each agent answers by its behaviour when `answer` is called. The clock is the test's.
 */
export async function rolloutWorld(options: Pick<TestBaseOptions, "log"> = {}) {
  let now = Date.UTC(2026, 10, 20, 16, 0);
  const testing = await testBase({ ...options, now: () => now });
  const { base } = testing;
  const { ctx, actor, siteId } = await testOrganization(base);
  const behaviours = new Map<string, Behaviour>();
  const rates = new Map<string, Rates>();
  const missing = new Set<string>();
  const hashOf = (target: Target | null) =>
    createHash("sha256")
      .update(target === null ? "none" : `${target.configuration_id}/${target.version}`)
      .digest("hex");
  const ports: Ports = {
    delivery: {
      async composeFor(_, target, agentIds) {
        const one = (id: string): Composed =>
          missing.has(id)
            ? { ok: false, reason_code: "not_delivered", reason: "The secret TOKEN is not there." }
            : {
                ok: true,
                hash: hashOf(target),
                shown: target === null ? "" : textOf(4_000 + target.version),
              };
        return new Map(agentIds.map((id) => [id, one(id)]));
      },
      async assign(ctx, assignments) {
        for (const { agent_id, target, rollout_id, offer_hash } of assignments) {
          const shared = {
            agent_id,
            organization_id: ctx.actor.organization_id,
            rollout_id,
            offer_hash,
          };
          const at = new Date(ctx.now());
          if (target === null) {
            await ctx.db.deleteFrom("agent_assignments").where("agent_id", "=", agent_id).execute();
            await ctx.db.deleteFrom("configuration_attempts").where("agent_id", "=", agent_id).execute();
            nothing.set(agent_id, { rollout_id, isSaid: false, at: ctx.now() });
            continue;
          }
          nothing.delete(agent_id);
          const changing = {
            ...shared,
            ...target,
            held_reason: null,
            retry_id: null,
            assigned_at: at,
            changed_at: at,
          };
          await ctx.db
            .insertInto("agent_assignments")
            .values(changing)
            .onConflict((conflict) => conflict.column("agent_id").doUpdateSet(changing))
            .execute();
          const attempt = {
            ...shared,
            ...target,
            offered_at: null,
            status: "waiting" as const,
            status_at: at,
          };
          await ctx.db
            .insertInto("configuration_attempts")
            .values(attempt)
            .onConflict((conflict) => conflict.columns(["agent_id", "offer_hash"]).doUpdateSet(attempt))
            .execute();
        }
      },
      withdraw: (ctx, rolloutId, agents) => connected.delivery.withdraw(ctx, rolloutId, agents),
      async readDeliveries(ctx, agentIds) {
        const rows = await ctx.db
          .selectFrom("agents")
          .leftJoin("agent_assignments", "agent_assignments.agent_id", "agents.id")
          .leftJoin("configuration_attempts", (join) =>
            join
              .onRef("configuration_attempts.agent_id", "=", "agents.id")
              .onRef("configuration_attempts.offer_hash", "=", "agent_assignments.offer_hash"),
          )
          .select([
            "agents.id",
            "agents.healthy",
            "agents.disconnected_at",
            "agent_assignments.offer_hash",
            "agent_assignments.rollout_id",
            "configuration_attempts.status",
            "configuration_attempts.status_at",
            "configuration_attempts.offered_at",
            "configuration_attempts.error_message",
          ])
          .where("agents.id", "in", [...agentIds])
          .execute();
        return new Map(
          rows.map((row): [string, DeliveryFacts & { rolloutId: string | null }] => [
            row.id,
            {
              rolloutId: row.rollout_id ?? nothing.get(row.id)?.rollout_id ?? null,
              offerHash: row.offer_hash ?? hashOf(null),
              status: row.status ?? (nothing.get(row.id)?.isSaid === true ? "applied" : "waiting"),
              statusAt: row.status_at?.getTime() ?? now,
              offeredAt: row.offered_at?.getTime() ?? null,
              errorMessage: row.error_message ?? "",
              reachable: row.disconnected_at === null,
              healthy: row.healthy,
              healthStatus: row.healthy === false ? "pipeline stopped" : null,
              healthAt: healthAt.get(row.id) ?? null,
            },
          ]),
        );
      },
    },
    telemetry: {
      async readRates(_, agentIds) {
        return new Map(
          agentIds.flatMap((id) => {
            const rate = rates.get(id);
            return rate === undefined ? [] : [[id, rate] as const];
          }),
        );
      },
    },
  };
  const nothing = new Map<string, { rollout_id: string; isSaid: boolean; at: number }>();
  const healthAt = new Map<string, number>();
  const http = await createHttp(base, async () => actor);
  rolloutRoutes(http, ports);
  await http.fastify.ready();
  const system = base.storage.system;

  const world = {
    base: base satisfies Base,
    ctx: ctx satisfies Ctx,
    ports,
    rates,
    missing,
    now: () => now,
    pass(seconds: number) {
      now += seconds * 1_000;
    },
    behave(id: string, behaviour: Behaviour) {
      behaviours.set(id, behaviour);
    },
    async call(method: "GET" | "POST", path: string, body?: object): Promise<Answer> {
      const response = await http.fastify.inject({
        method,
        url: `/api/v1${path}`,
        ...(body === undefined ? {} : { payload: body }),
      });
      return { status: response.statusCode, body: response.payload === "" ? null : response.json() };
    },
    async create(body: Record<string, unknown>): Promise<Rollout> {
      const answer = await world.call("POST", "/rollouts", {
        confirm_everybody: true,
        selector: "true",
        ...body,
      });
      if (answer.status !== 201) throw new Error(`not made: ${answer.body.detail}`);
      return answer.body;
    },
    async read(id: string): Promise<Rollout> {
      return (await world.call("GET", `/rollouts/${id}`)).body;
    },
    isState:
      (id: string, ...states: string[]) =>
      async (): Promise<boolean> =>
        states.includes((await world.read(id)).state),
    /** A configuration with so many versions. */
    async configuration(name: string, versions: number): Promise<string> {
      const { id } = await createConfiguration(ctx, {
        name,
        description: "",
        body: textOf(4_001),
        message: "first",
      });
      for (let version = 2; version <= versions; version += 1)
        await createVersion(ctx, id, { body: textOf(4_000 + version), message: `version ${version}` });
      return id;
    },
    async agents(count: number, labels: Record<string, string> = {}, prefix = "edge"): Promise<string[]> {
      const ids = Array.from({ length: count }, () => newId());
      await sql`insert into agents (id, organization_id, site_id, kind, name, approval, labels, transport, capabilities, healthy, connected_at, last_seen_at)
        select id, ${actor.organization_id}, ${siteId}, 'collector', ${prefix} || '-' || number, 'approved', ${JSON.stringify(labels)}::jsonb,
          'websocket', ${2 + 0x800}, true, now(), now() from unnest(${ids}::uuid[]) with ordinality as made(id, number)`.execute(
        system,
      );
      return ids;
    },
    async connect(ids: readonly string[], isConnected: boolean): Promise<void> {
      await system
        .updateTable("agents")
        .set({ disconnected_at: isConnected ? null : new Date(now) })
        .where("id", "in", [...ids])
        .execute();
    },
    async health(id: string, healthy: boolean): Promise<void> {
      healthAt.set(id, now);
      await system.updateTable("agents").set({ healthy }).where("id", "=", id).execute();
    },
    /** Every agent that was sent something and is connected answers it. */
    async answer(): Promise<void> {
      for (const [id, one] of nothing) nothing.set(id, { ...one, isSaid: true });
      const rows = await system
        .selectFrom("configuration_attempts")
        .innerJoin("agents", "agents.id", "configuration_attempts.agent_id")
        .innerJoin("agent_assignments", (join) =>
          join
            .onRef("agent_assignments.agent_id", "=", "configuration_attempts.agent_id")
            .onRef("agent_assignments.offer_hash", "=", "configuration_attempts.offer_hash"),
        )
        .select([
          "configuration_attempts.agent_id",
          "configuration_attempts.offer_hash",
          "configuration_attempts.configuration_id",
          "configuration_attempts.version",
        ])
        .where("configuration_attempts.configuration_id", "is not", null)
        .where("configuration_attempts.version", "is not", null)
        .$narrowType<{ configuration_id: string; version: number }>()
        .where("configuration_attempts.status", "in", ["waiting", "offered", "applying"])
        .where("agents.disconnected_at", "is", null)
        .execute();
      for (const row of rows) {
        const { healthy, ...said } = behaviours.get(row.agent_id)?.(targetOf(row)) ?? {};
        await system
          .updateTable("configuration_attempts")
          .set({
            status: said.status ?? "applied",
            error_message: said.errorMessage ?? "",
            offered_at: new Date(now),
            status_at: new Date(now),
          })
          .where("agent_id", "=", row.agent_id)
          .where("offer_hash", "=", row.offer_hash)
          .execute();
        now += 1;
        await world.health(row.agent_id, healthy ?? true);
      }
    },
    step: () => advanceRollouts(base, ports),
    /** Time goes on, agents answer and the worker works, until a condition holds or nothing more can come. */
    async run(isDone: () => Promise<boolean>, { rounds = 60, seconds = 20 } = {}): Promise<void> {
      for (let round = 0; round < rounds; round += 1) {
        await world.step();
        if (await isDone()) return;
        await world.answer();
        world.pass(seconds);
      }
      throw new Error("it did not come about");
    },
    async assigned(): Promise<Map<string, number>> {
      const rows = await system.selectFrom("agent_assignments").select(["agent_id", "version"]).execute();
      return new Map(rows.map(({ agent_id, version }) => [agent_id, version ?? 0]));
    },
    async close() {
      await http.fastify.close();
      await testing[Symbol.asyncDispose]();
    },
  };
  return world;
}

function targetOf(row: { configuration_id: string | null; version: number | null }): Target | null {
  return row.configuration_id === null || row.version === null
    ? null
    : { configuration_id: row.configuration_id, version: row.version };
}
