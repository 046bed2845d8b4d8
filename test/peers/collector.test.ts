import { randomUUIDv7 } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AgentDetail } from "@flowplane/contract";
import { eventually, freePort, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { collectorBinary, startCollector } from "./collector.ts";

const binary = await collectorBinary();
if (binary === undefined) console.log("skipped: the Collector peer tests need Go on PATH to build one");

describe.skipIf(binary === undefined)("an OpenTelemetry Collector", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane[Symbol.asyncDispose]());

  test.each(["ws", "http"] as const)(
    "over %s: seen, gone when it leaves, back with the same identity, server restarted under it",
    async (transport) => {
      const path = binary ?? "";
      const instanceUid = randomUUIDv7();
      const { secret } = await plane.client.enrolmentTokenCreate({
        body: { name: `collectors ${transport}`, uses_max: 5 },
      });
      const options = {
        transport,
        endpoint: `${plane.url.replace(/^http/, transport)}/v1/opamp`,
        token: secret,
        instanceUid,
        otlpPort: await freePort(),
      };
      let id: string;
      {
        await using collector = startCollector(path, options);
        const agent = await reading(
          plane,
          instanceUid,
          collector.output,
          (agent) =>
            agent.state === "connected" && agent.healthy === true && agent.effective_config.length > 0,
        );
        id = agent.id;
        expect(agent).toMatchObject({
          kind: "collector",
          version: "0.149.0",
          transport: transport === "ws" ? "websocket" : "http",
          credential: "token",
        });
        expect(agent.identifying_attributes["service.name"]).toBe("otelcol-peer");
        expect(agent.non_identifying_attributes["deployment.environment.name"]).toBe("peer-test");
        expect(Object.keys(agent.health?.components ?? {})).toEqual(
          expect.arrayContaining(["pipeline:logs", "pipeline:traces", "extensions"]),
        );
        expect(agent.effective_config.map((entry) => entry.body).join("\n")).toContain("pipelines:");
        expect(JSON.stringify(agent)).not.toContain(secret);
        expect(agent.capabilities.find(({ name }) => name === "AcceptsRemoteConfig")?.why_not).toMatch(
          /opampsupervisor/,
        );

        if (transport === "http") {
          // Over HTTP it says no goodbye: it is missed by its pace, once that is known.
          const polledForMs = ({ last_seen_at, connected_at }: AgentDetail) =>
            Date.parse(last_seen_at ?? "") - Date.parse(connected_at ?? "");
          await reading(plane, instanceUid, collector.output, (agent) => polledForMs(agent) > 8_000);
        }
        const { items } = await plane.client.agentWire({ params: { agent_id: id } });
        expect(items.some(({ direction }) => direction === "received")).toBe(true);
        expect(JSON.stringify(items)).not.toContain(secret);
      }
      await reading(
        plane,
        instanceUid,
        () => "",
        (agent) => agent.state === "offline",
      );
      {
        await using collector = startCollector(path, options);
        const again = await reading(
          plane,
          instanceUid,
          collector.output,
          (agent) => agent.state === "connected",
        );
        expect(again.id).toBe(id);

        plane = await plane.restart();
        const after = await reading(
          plane,
          instanceUid,
          collector.output,
          (agent) =>
            agent.state === "connected" &&
            Date.parse(agent.connected_at ?? "") > Date.parse(again.connected_at ?? ""),
        );
        expect(after).toMatchObject({ id, healthy: true });
        expect(after.effective_config).toEqual(again.effective_config);
        expect(after.health).not.toBeNull();
      }
      await reading(
        plane,
        instanceUid,
        () => "",
        (agent) => agent.state === "offline",
      );
      const { items } = await plane.client.agentList({ query: { kind: "collector" } });
      expect(items.filter((agent) => agent.instance_uid === instanceUid)).toHaveLength(1);
    },
    180_000,
  );
});

/** Waits until the agent with a uid is as described, and reads it whole. */
async function reading(
  plane: ControlPlane,
  instanceUid: string,
  output: () => string,
  is: (agent: AgentDetail) => boolean,
): Promise<AgentDetail> {
  let last: AgentDetail | undefined;
  try {
    return await eventually(
      "the Collector's state",
      async () => {
        const { items } = await plane.client.agentList({ query: { limit: 200 } });
        const found = items.find((agent) => agent.instance_uid === instanceUid);
        if (found === undefined) return undefined;
        last = await plane.client.agentRead({ params: { agent_id: found.id } });
        return is(last) ? last : undefined;
      },
      60_000,
    );
  } catch (cause) {
    throw new Error(
      `last seen as ${JSON.stringify(last, null, 1)}; the Collector printed:\n${output().slice(-3_000)}`,
      { cause },
    );
  }
}
