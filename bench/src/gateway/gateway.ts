import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { eventually, startControlPlane } from "@flowplane/test/harness";
import type { Bench } from "../bench.ts";
import { progress, round, usageOf } from "../machine.ts";
import { percentiles } from "../percentiles.ts";
import type { FromFleet, ToFleet } from "./messages.ts";

type State = Extract<FromFleet, { type: "state" }>;

/**
 * A fleet of simulated agents on one gateway, mTLS WebSockets: enrolment and connect rate, steady heartbeats, memory
 * per agent, and how long until everybody is back after the server was killed.
 */
export const bench: Bench = {
  options: {
    agents: 2_000,
    processes: 1,
    enrolling_at_once: 8,
    connects_per_second: 200,
    heartbeat_ms: 30_000,
    steady_seconds: 60,
    storm: 1,
  },
  async run({
    agents = 1,
    processes = 1,
    enrolling_at_once = 1,
    connects_per_second = 1,
    heartbeat_ms = 30_000,
    steady_seconds = 0,
    storm = 0,
  }) {
    let plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    const fleets = Array.from({ length: processes }, () => startFleet());
    try {
      const pid = serverPid(plane.child);
      const idle = usageOf(pid);
      const { secret } = await plane.client.enrolmentTokenCreate({
        body: { name: "bench", uses_max: agents, expires_in_seconds: 86_400 },
      });
      const { certificate } = await plane.client.certificateAuthority({});
      const enrolStart = performance.now();
      const share = Math.ceil(agents / processes);
      for (const [index, fleet] of fleets.entries()) {
        const count = Math.min(share, agents - index * share);
        fleet.send({
          type: "enrol",
          agentsUrl: plane.agentsUrl,
          token: secret,
          caPem: certificate,
          count,
          prefix: `sim-${index}`,
          concurrency: enrolling_at_once,
        });
      }
      const enrolled = await Promise.all(fleets.map((fleet) => fleet.enrolled));
      const enrolSeconds = (performance.now() - enrolStart) / 1000;
      const enrolCpu = usageOf(pid).cpu_seconds - idle.cpu_seconds;
      progress(`${agents} enrolled in ${round(enrolSeconds)} s`);

      const connectStart = performance.now();
      for (const fleet of fleets)
        fleet.send({
          type: "connect",
          perSecond: connects_per_second / processes,
          heartbeatMs: heartbeat_ms,
        });
      await allConnected(fleets, agents);
      const connectSeconds = (performance.now() - connectStart) / 1000;
      progress(`${agents} connected in ${round(connectSeconds)} s`);
      const connected = total(fleets);

      const before = usageOf(pid);
      const sentBefore = total(fleets).messagesSent;
      await new Promise((resolve) => setTimeout(resolve, steady_seconds * 1_000));
      const after = usageOf(pid);
      const steady = {
        seconds: steady_seconds,
        messages_per_second: round((total(fleets).messagesSent - sentBefore) / Math.max(1, steady_seconds)),
        core_share: round((after.cpu_seconds - before.cpu_seconds) / Math.max(1, steady_seconds), 3),
        still_connected: total(fleets).connected,
      };
      const memory = {
        idle_rss_mb: idle.rss_mb,
        rss_mb: after.rss_mb,
        kb_per_agent: round(((after.rss_mb - idle.rss_mb) * 1024) / agents),
      };

      let back: Record<string, unknown> | null = null;
      if (storm > 0) {
        for (const fleet of fleets) fleet.send({ type: "forget_latencies" });
        await plane.kill();
        await eventually("the fleet to notice", () => (total(fleets).connected === 0 ? true : undefined));
        const stormStart = performance.now();
        plane = await plane.restart();
        const readySeconds = (performance.now() - stormStart) / 1000;
        await allConnected(fleets, agents);
        const { latencies, fullStateAsked, refused, errors } = total(fleets);
        back = {
          server_ready_seconds: round(readySeconds),
          all_back_seconds: round((performance.now() - stormStart) / 1000),
          reconnect: percentiles(latencies),
          full_state_asked: fullStateAsked - connected.fullStateAsked,
          refused_with_retry_after: refused - connected.refused,
          errors,
        };
      }
      return {
        enrol: {
          per_second: round(agents / enrolSeconds),
          server_cpu_ms: round((enrolCpu * 1_000) / agents, 2),
          ...percentiles(enrolled.flat()),
        },
        connect: {
          per_second: round(agents / connectSeconds),
          ...percentiles(connected.latencies),
          errors: connected.errors,
        },
        steady,
        memory,
        storm: back,
      };
    } finally {
      for (const fleet of fleets) fleet.child.disconnect();
      await plane[Symbol.asyncDispose]();
    }
  },
};

export interface Fleet {
  readonly child: ChildProcess;
  readonly enrolled: Promise<number[]>;
  state: State | undefined;
  send(message: ToFleet): void;
}

export function startFleet(): Fleet {
  const child = fork(join(import.meta.dirname, "fleet.ts"), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    serialization: "advanced",
  });
  const enrolled = Promise.withResolvers<number[]>();
  // Who does not enrol does not wait for it.
  enrolled.promise.catch(() => undefined);
  const fleet: Fleet = {
    child,
    enrolled: enrolled.promise,
    state: undefined,
    send: (message) => void child.send(message),
  };
  child.on("message", (message: FromFleet) => {
    if (message.type === "enrolled") enrolled.resolve(message.latencies);
    else fleet.state = message;
  });
  child.on("exit", (code) => enrolled.reject(new Error(`a fleet process exited with ${code}`)));
  return fleet;
}

export async function allConnected(fleets: readonly Fleet[], agents: number): Promise<void> {
  let shown = -1;
  await eventually(
    `${agents} agents to be connected`,
    () => {
      const { connected } = total(fleets);
      if (Math.floor((10 * connected) / agents) !== shown) {
        shown = Math.floor((10 * connected) / agents);
        progress(`${connected} of ${agents} connected`);
      }
      return connected === agents ? true : undefined;
    },
    20 * 60_000,
  );
}

export function total(fleets: readonly Fleet[]) {
  const states = fleets.flatMap((fleet) => fleet.state ?? []);
  const sum = (
    field:
      | "connected"
      | "messagesSent"
      | "messagesReceived"
      | "bytesSent"
      | "bytesReceived"
      | "applied"
      | "fullStateAsked"
      | "refused",
  ) => states.reduce((all, state) => all + state[field], 0);
  return {
    connected: sum("connected"),
    messagesSent: sum("messagesSent"),
    messagesReceived: sum("messagesReceived"),
    bytesSent: sum("bytesSent"),
    bytesReceived: sum("bytesReceived"),
    applied: sum("applied"),
    fullStateAsked: sum("fullStateAsked"),
    refused: sum("refused"),
    latencies: states.flatMap((state) => state.latencies),
    errors: states.flatMap((state) => state.errors),
  };
}

export function serverPid(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error("the control plane has no pid");
  return child.pid;
}
