import { randomUUIDv7 } from "node:crypto";
import { createOpAMPClient } from "@elastic/opamp-client-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Agent } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";

/** A client of another make: plain HTTP, sequence numbers from 1, no goodbye, strict about the content type of answers. */
let plane: ControlPlane;
/** Told to come later, as by a server that stops, this client waits half a minute at least. */
const FIND_LIMIT_MS = 90_000;
beforeAll(async () => {
  plane = await startControlPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

test("@elastic/opamp-client-node is seen with its description, and comes back as the same agent", async () => {
  const instanceUid = randomUUIDv7();
  const { secret } = await plane.client.bearerCreate({ body: { name: "elastic-service" } });
  const start = (version: string) => {
    const client = createOpAMPClient({
      endpoint: `${plane.url}/v1/opamp`,
      instanceUid,
      headers: { authorization: `Bearer ${secret}` },
      heartbeatIntervalSeconds: 0.2,
    });
    client.setAgentDescription({
      identifyingAttributes: { "service.name": "checkout", "service.version": version },
      nonIdentifyingAttributes: { "os.type": "linux", "process.tags": ["a", "b"] },
    });
    client.start();
    return client;
  };
  const find = (is: (agent: Agent) => boolean) =>
    eventually(
      "the client in the fleet",
      async () => {
        const { items } = await plane.client.agentList({ query: { q: "elastic-service" } });
        return items.find((agent) => agent.instance_uid === instanceUid && is(agent));
      },
      FIND_LIMIT_MS,
    );

  const first = start("1.0.0");
  const agent = await find(({ state, version }) => state === "connected" && version === "1.0.0");
  expect(agent).toMatchObject({ name: "elastic-service", kind: "collector", transport: "http" });
  const detail = await plane.client.agentRead({ params: { agent_id: agent.id } });
  expect(detail.identifying_attributes).toMatchObject({ "service.name": "checkout" });
  expect(detail.non_identifying_attributes).toMatchObject({ "process.tags": ["a", "b"] });
  await first.shutdown();

  // A new process with the same uid counts from 1 again: the server must ask for the full state and see the new version.
  const second = start("1.1.0");
  expect((await find(({ version }) => version === "1.1.0")).id).toBe(agent.id);

  plane = await plane.restart();
  const restartedAt = Date.now();
  const later = await find(
    ({ state, last_seen_at }) => state === "connected" && Date.parse(last_seen_at ?? "") > restartedAt,
  );
  expect(later).toMatchObject({ id: agent.id, version: "1.1.0" });
  await second.shutdown();
}, 240_000);
