import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { afterAll, describe } from "vitest";
import { testGuide } from "./harness/guide-test.ts";
import { ownPort, startFleet, type Fleet } from "./peers/fleet.ts";
import { supervisorPrograms } from "./peers/supervisor.ts";

// Six real Collectors, and something that listens where the change would like to.

const NAMES = ["edge-1", "edge-2", "edge-3", "edge-4", "edge-5", "edge-6"];
const GRPC_PORT = 4317;

const programs = await supervisorPrograms();
if (programs === undefined)
  console.log("skipped: the guide to rollouts needs Go on PATH to build a Collector");

describe.skipIf(programs === undefined)("with real Collectors", () => {
  let fleet: Fleet | undefined;
  let listener: Server | undefined;
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    listener?.close();
  });

  testGuide("the guide to rollouts", "change-collectors-on-a-friday.md", {
    stepMs: 180_000,
    async prepare(plane) {
      if (programs === undefined) return {};
      listener = await taken(GRPC_PORT);
      const members = NAMES.map(async (name) => ({
        name,
        transport: "ws" as const,
        collectorEnv: { GRPC_PORT: String(await ownPort()) },
      }));
      fleet = await startFleet(plane, programs, await Promise.all(members));
      return {};
    },
  });
});

/** Listens on the port; whoever does already serves as well. */
async function taken(port: number): Promise<Server> {
  const server = createServer().listen(port, "127.0.0.1");
  await Promise.race([once(server, "listening"), once(server, "error")]);
  return server;
}
