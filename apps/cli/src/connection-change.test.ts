import { expect, test } from "vitest";
import type { ListedAgent } from "@flowplane/contract";
import { page, someAgent } from "./testing/fake-control-plane.ts";
import { Faked } from "./testing/faked.ts";

const { serve, flowplane } = new Faked();

const agent: ListedAgent = {
  ...someAgent({ name: "edge-7", kind: "collector" }),
  configuration: null,
  connection_change: {
    state: "kept_old",
    since: "2026-01-02T03:04:05.678Z",
    sentence: "It kept its old connection: x509: unknown authority.",
  },
};

test("the list says of an agent what became of the connection settings it was offered", async () => {
  const quiet: ListedAgent = { ...agent, name: "edge-8", connection_change: null };
  await serve({ "GET /api/v1/agents": () => page([agent, quiet]) });
  const { stdout } = await flowplane(["agents"]);
  const [, first, second] = stdout.split("\n").map((row) => row.split(/\s{2,}/));
  expect(first?.slice(0, 2)).toEqual(["edge-7", "connected, kept old connection"]);
  expect(second?.slice(0, 2)).toEqual(["edge-8", "connected"]);
});
