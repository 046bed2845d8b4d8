import { afterAll, beforeAll, expect, test } from "vitest";
import { RolloutPlan, type Rollout } from "@flowplane/contract";
import { AGENT_CAPABILITY, RemoteConfigStatuses } from "@flowplane/opamp";
import { runAll } from "@flowplane/runtime";
import type { z } from "zod";
import {
  message,
  newVisitor,
  startPlane,
  until,
  type MessageInit,
  type TestPlane,
  type Visitor,
} from "../../testing/gateway.ts";
import { createConfiguration } from "../configurations/configurations.ts";
import { createVersion } from "../configurations/versions.ts";
import { connected } from "./connected.ts";
import { createRollout } from "./create.ts";
import { listAgentPage, readRollout, readRolloutFailures } from "./read.ts";
import { textOf } from "./testing.ts";
import { runRollouts } from "./worker.ts";

// Rollouts over everything that is between them and an agent: worker, delivery, gateway, sockets. The agents are
// simulated; test/peers has real ones.

const LIMIT_MS = 60_000;
const SUPERVISOR =
  AGENT_CAPABILITY.ReportsStatus |
  AGENT_CAPABILITY.AcceptsRemoteConfig |
  AGENT_CAPABILITY.ReportsRemoteConfig |
  AGENT_CAPABILITY.ReportsHealth |
  AGENT_CAPABILITY.ReportsEffectiveConfig;
const STATUS = {
  applied: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
  applying: RemoteConfigStatuses.RemoteConfigStatuses_APPLYING,
  failed: RemoteConfigStatuses.RemoteConfigStatuses_FAILED,
};

let plane: TestPlane;
let stop: () => Promise<void>;
beforeAll(async () => {
  // How busy the machine is that tests decides nothing here.
  plane = await startPlane({ limits: { stalledAfterMs: Number.POSITIVE_INFINITY } });
  const stopping = new AbortController();
  const worker = runAll([runRollouts(plane.base, connected)], stopping.signal);
  stop = async () => {
    stopping.abort();
    await worker;
  };
});
afterAll(async () => {
  await stop();
  await plane[Symbol.asyncDispose]();
});

/** What a simulated supervisor does with a text that holds its word. */
type Habit = "takes" | "refuses" | "is_silent" | "falls_in_a_loop";

interface Supervisor {
  readonly agentId: string;
  /** Texts it was sent, in order. */
  readonly given: string[];
  close(): Promise<void>;
}

async function supervisor(habit: Habit, label: string): Promise<Supervisor> {
  const visitor: Visitor = await newVisitor(plane, "dashboard");
  await plane.base.storage.system
    .updateTable("agents")
    .set({ labels: JSON.stringify({ group: label }) })
    .where("id", "=", visitor.agentId)
    .execute();
  const opened = await visitor.open();
  let sequence = -1;
  const say = (what: Omit<MessageInit, "$typeName">) =>
    opened.send(message(visitor.uid, (sequence += 1), { capabilities: SUPERVISOR, ...what }));
  const health = (healthy: boolean, lastError = "") =>
    say({ health: { healthy, status: healthy ? "StatusOK" : "", lastError } });
  const given: string[] = [];
  const timers: NodeJS.Timeout[] = [];
  const take = (hash: Uint8Array, text: string) => {
    given.push(text);
    const report = (status: keyof typeof STATUS, errorMessage = "") =>
      say({ remoteConfigStatus: { lastRemoteConfigHash: hash, status: STATUS[status], errorMessage } });
    const isBad = text.includes("4002");
    if (isBad && habit === "is_silent") return;
    report("applying");
    if (isBad && habit === "refuses")
      return report("failed", "Agent exited unexpectedly with exit code 1 while applying configuration");
    health(true);
    report("applied");
    if (!isBad || habit !== "falls_in_a_loop") return;
    // As a supervisor does: it starts what fell again after a while, and it falls again.
    for (const [after, healthy] of [
      [1_500, false],
      [4_000, true],
      [6_500, false],
    ] as const)
      timers.push(setTimeout(() => health(healthy, "Agent process exited unexpectedly, exit code=2"), after));
  };
  say({ health: { healthy: true, status: "StatusOK" } });
  const listening = (async () => {
    for (;;) {
      const reply = await opened.next();
      const body = Object.values(reply.remoteConfig?.config?.configMap ?? {})[0]?.body;
      if (reply.remoteConfig !== undefined)
        take(reply.remoteConfig.configHash, Buffer.from(body ?? new Uint8Array()).toString());
    }
  })();
  listening.catch(() => undefined);
  return {
    agentId: visitor.agentId,
    given,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      await opened.close();
    },
  };
}

async function group(label: string, habits: readonly Habit[]) {
  const agents = await Promise.all(habits.map((habit) => supervisor(habit, label)));
  await until("what they can do to be known", async () => {
    await plane.gateway.flush();
    const rows = await plane.base.storage.system
      .selectFrom("agents")
      .select("capabilities")
      .where(
        "id",
        "in",
        agents.map(({ agentId }) => agentId),
      )
      .execute();
    return rows.every(({ capabilities }) => capabilities === Number(SUPERVISOR)) ? true : undefined;
  });
  return agents;
}

async function bring(
  configuration: string,
  version: number,
  label: string,
  plan: z.input<typeof RolloutPlan>,
): Promise<Rollout> {
  return createRollout(plane.ctx(), connected, {
    configuration_id: configuration,
    version,
    selector: `labels.group == "${label}"`,
    plan: RolloutPlan.parse(plan),
    split: null,
    message: "because a test says so",
    confirm_everybody: true,
    on_overlap: "refuse",
  });
}

async function ended(id: string): Promise<Rollout> {
  const end = Date.now() + LIMIT_MS;
  for (;;) {
    const rollout = await readRollout(plane.ctx(), id);
    if (rollout.ended_at !== null || Date.now() > end) return rollout;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function versions(name: string): Promise<string> {
  const { id } = await createConfiguration(plane.ctx(), {
    name,
    description: "",
    body: textOf(4_001),
    message: "1",
  });
  await createVersion(plane.ctx(), id, { body: textOf(4_002), message: "2" });
  return id;
}

const PLAN = { waves: [{ count: 2 }, { percent: 100 }], soak_seconds: 1, verdict_timeout_seconds: 4 };

test("a good version reaches every agent over its socket", { timeout: 90_000 }, async () => {
  const configuration = await versions("good");
  const agents = await group("good", ["takes", "takes", "takes", "takes"]);
  const rollout = await ended((await bring(configuration, 1, "good", PLAN)).id);
  expect([rollout.state, rollout.sentence]).toEqual(["completed", "Completed: 4 of 4 agents have passed."]);
  expect(agents.map(({ given }) => given)).toEqual(agents.map(() => [textOf(4_001)]));
  await Promise.all(agents.map((agent) => agent.close()));
});

test.each([
  [
    "refuses",
    "crashed",
    "rejected",
    "Agent exited unexpectedly with exit code 1 while applying configuration",
  ],
  ["is_silent", "silent", "no_verdict", "It was sent to it and has said nothing of it for 4 s."],
  ["falls_in_a_loop", "loop", "crashed", "Agent process exited unexpectedly, exit code=2"],
] as const)(
  "agents where a version %s: it is stopped in wave one, the others never see it, those get back what they had",
  { timeout: 120_000 },
  async (habit, label, code, words) => {
    const configuration = await versions(label);
    const agents = await group(label, [habit, habit, habit, habit, habit]);
    expect((await ended((await bring(configuration, 1, label, PLAN)).id)).state).toBe("completed");
    const soak_seconds = habit === "falls_in_a_loop" ? 10 : 1;
    const bad = await ended((await bring(configuration, 2, label, { ...PLAN, soak_seconds })).id);
    expect([bad.state, bad.waves.map(({ state }) => state)]).toEqual(["rolled_back", ["failed", "waiting"]]);
    const { items } = await listAgentPage(plane.ctx(), bad.id, { limit: 200 });
    const first = new Set(items.filter(({ wave }) => wave === 0).map(({ agent_id }) => agent_id));
    // One that says nothing says that it runs what it had: it is not sent that again.
    const back = habit === "is_silent" ? [] : [textOf(4_001)];
    for (const { agentId, given } of agents)
      expect(given, first.has(agentId) ? "in wave one" : "of wave two").toEqual(
        first.has(agentId) ? [textOf(4_001), textOf(4_002), ...back] : [textOf(4_001)],
      );
    const failures = await readRolloutFailures(plane.ctx(), bad.id);
    expect(failures.items[0]).toMatchObject({ reason_code: code, reason: words });
    await Promise.all(agents.map((agent) => agent.close()));
  },
);

test("a second rollout of the same finds nobody to change", { timeout: 90_000 }, async () => {
  const configuration = await versions("again");
  const agents = await group("again", ["takes"]);
  expect((await ended((await bring(configuration, 1, "again", PLAN)).id)).state).toBe("completed");
  await expect(bring(configuration, 1, "again", PLAN)).rejects.toThrow(
    "None of the 1 agent it matches would be changed. 1 agent is left out: It runs this content already.",
  );
  await Promise.all(agents.map((agent) => agent.close()));
});
