import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rollout } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { startFleet, type Fleet, type Member } from "./fleet.ts";
import { receiving } from "./load.ts";
import { supervisorPrograms } from "./supervisor.ts";

// A fleet of real supervisors with real Collectors, over WebSocket and over HTTP, and configurations that are good or bad.
// What is true of it is read by the public API alone. The tests follow on each other: the fleet of one is that of the next.

const programs = await supervisorPrograms();
if (programs === undefined) console.log("skipped: rollouts to real supervisors need Go on PATH to build one");

/** Those over HTTP ask every half minute. */
const END_LIMIT_MS = 150_000;
const BY_WEBSOCKET = 'labels.transport == "ws"';

describe.skipIf(programs === undefined)("a rollout to real supervisors", { timeout: 300_000 }, () => {
  let plane: ControlPlane;
  let fleet: Fleet;
  let folder: string;
  let taken: Server;
  let configurationId: string;

  beforeAll(async () => {
    if (programs === undefined) return;
    folder = mkdtempSync(join(tmpdir(), "flowplane-rollouts-"));
    taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    plane = await startControlPlane({ command: "up" });
    fleet = await startFleet(plane, programs, [
      { name: "edge-1", transport: "ws" },
      { name: "edge-2", transport: "ws" },
      { name: "edge-3", transport: "ws" },
      // It says nothing of what its Collector is built with: nobody but itself can know what it lacks.
      { name: "edge-4", transport: "ws", capabilities: { reports_available_components: false } },
      { name: "edge-5", transport: "http" },
      { name: "edge-6", transport: "http" },
    ]);
  }, 240_000);
  afterAll(async () => {
    await fleet?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
    taken?.close();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  test("a good version comes to all of them, in waves, and each runs it", async () => {
    const { id } = await plane.client.configurationCreate({ body: { name: "edge", body: receiving() } });
    configurationId = id;
    const rollout = await ended(await start(1, 'labels.env == "prod"'), "completed");
    expect(rollout.waves.map(({ agents, state }) => [agents, state])).toEqual([
      [1, "passed"],
      [2, "passed"],
      [3, "passed"],
    ]);
    for (const member of fleet.members) await runs(member, 1);
  });

  test("a port that is taken stops it in the first wave, and the one that has it gets back what it had", async () => {
    const { port } = taken.address() as { port: number };
    const version = await save(receiving().replace("${env:OTLP_PORT}", String(port)), "Another port");
    const rollout = await ended(await start(version, BY_WEBSOCKET), "rolled_back");
    await stoppedInWaveOne(rollout, version, "rejected", /exited unexpectedly with exit code 1/);
  });

  test("a crash while it soaks stops it, although the agent had applied it", async () => {
    const when = join(folder, "now");
    const crashing = receiving()
      .replace("receivers:", `receivers:\n  crash: {when: ${when}}`)
      .replace("[otlp]", "[otlp, crash]");
    const version = await save(crashing, "A receiver with a bug");
    const { id } = await start(version, BY_WEBSOCKET, { soak_seconds: 600 });
    await eventually(
      "the first agent to soak",
      async () =>
        (await plane.client.rolloutRead({ params: { rollout_id: id } })).counts.soaking || undefined,
      END_LIMIT_MS,
    );
    writeFileSync(when, "");
    const rollout = await ended({ id }, "rolled_back");
    await stoppedInWaveOne(rollout, version, expect.stringMatching(/^(crashed|unhealthy)$/), /exit code=2/);
  });

  test("a component that is missing is held back where that is known, and refused where it is not", async () => {
    const version = await save(
      receiving()
        .replace("debug: {}", "debug: {}\n  kafka: {brokers: [localhost]}")
        .replace("[debug]", "[debug, kafka]"),
      "To Kafka, too",
    );
    const preview = await plane.client.rolloutPreview({
      body: { configuration_id: configurationId, version, selector: BY_WEBSOCKET },
    });
    expect(preview.skipped).toEqual([
      expect.objectContaining({
        reason_code: "lacks_components",
        agents: 3,
        sentence: expect.stringContaining("kafka"),
      }),
    ]);
    const rollout = await ended(await start(version, BY_WEBSOCKET), "rolled_back");
    expect(rollout.counts).toMatchObject({ skipped: 3, reverted: 1 });
    const { items } = await plane.client.rolloutFailures({ params: { rollout_id: rollout.id } });
    expect(items).toMatchObject([
      {
        reason_code: "rejected",
        reason: expect.stringContaining("exit code 1"),
        examples: [{ name: expect.stringMatching(/@edge-4$/) }],
      },
    ]);
    for (const member of overWebSocket()) {
      await runs(member, 1);
      const offered = (await member.configuration()).attempts.some((attempt) => attempt.version === version);
      expect([member.name, offered]).toEqual([member.name, member.name === "edge-4"]);
    }
  });

  test("who is away holds nobody up and gets it on return; a killed control plane goes on where it was", async () => {
    const [away] = fleet.members.filter(({ name }) => name === "edge-2");
    await away?.supervisor.stop();
    await eventually("edge-2 to be away", async () => (await away?.read())?.state === "offline" || undefined);
    const version = await save(receiving().replace("debug: {}", "debug: {verbosity: basic}"), "Say less");
    const { id } = await start(version, 'labels.env == "prod"', { soak_seconds: 3 });
    await eventually(
      "the second wave",
      async () => {
        const { wave } = await plane.client.rolloutRead({ params: { rollout_id: id } });
        return wave === 1 || undefined;
      },
      END_LIMIT_MS,
    );
    const { items } = await plane.client.rolloutAgents({ params: { rollout_id: id }, query: {} });
    // One whose turn it is: it is stopped while it applies the version, or was just about to.
    const restarted = fleet.members.find(
      (member) =>
        member !== away && items.some(({ name, wave }) => wave === 1 && name.endsWith(`@${member.name}`)),
    );
    expect(restarted).toBeDefined();
    await restarted?.supervisor.stop();
    await plane.kill();
    restarted?.supervisor.start();
    plane = await plane.restart();
    const rollout = await ended({ id }, "completed");
    expect(rollout.counts).toMatchObject({ unreachable: 1, passed: 5 });
    away?.supervisor.start();
    for (const member of fleet.members) await runs(member, version);
  });

  async function save(body: string, message: string): Promise<number> {
    const { version } = await plane.client.configurationVersionCreate({
      params: { configuration_id: configurationId },
      body: { body, message },
    });
    return version;
  }

  function start(version: number, selector: string, plan: { soak_seconds?: number } = {}): Promise<Rollout> {
    return plane.client.rolloutCreate({
      body: {
        configuration_id: configurationId,
        version,
        selector,
        plan: { waves: [{ count: 1 }, { percent: 50 }, { percent: 100 }], soak_seconds: 1, ...plan },
      },
    });
  }

  function overWebSocket(): readonly Member[] {
    return fleet.members.filter(({ transport }) => transport === "ws");
  }

  async function ended({ id }: { id: string }, state: Rollout["state"]): Promise<Rollout> {
    let last: Rollout | undefined;
    try {
      return await eventually(
        `the rollout to be ${state}`,
        async () => {
          last = await plane.client.rolloutRead({ params: { rollout_id: id } });
          return last.ended_at === null && last.state !== "paused" ? undefined : last;
        },
        END_LIMIT_MS,
      ).then((rollout) => {
        if (rollout.state !== state) throw new Error(`it is ${rollout.state}`);
        return rollout;
      });
    } catch (cause) {
      const { items } = await plane.client.rolloutAgents({ params: { rollout_id: id }, query: {} });
      throw new Error(
        `${JSON.stringify(last, null, 1)}\n${JSON.stringify(items, null, 1)}\n${fleet.output()}\n${plane.output().slice(-3_000)}`,
        { cause },
      );
    }
  }

  /** One agent failed, for that reason; nobody else was offered the version; all run what they had. */
  async function stoppedInWaveOne(
    rollout: Rollout,
    version: number,
    reasonCode: unknown,
    words: RegExp,
  ): Promise<void> {
    expect(rollout.waves.map(({ state }) => state)).toEqual(["failed", "waiting", "waiting"]);
    expect(rollout.counts).toMatchObject({ reverted: 1, failed: 0, passed: 0 });
    const { items } = await plane.client.rolloutFailures({ params: { rollout_id: rollout.id } });
    expect(items).toEqual([
      expect.objectContaining({ reason_code: reasonCode, agents: 1, reason: expect.stringMatching(words) }),
    ]);
    const failed = items[0]?.examples[0]?.agent_id;
    for (const member of overWebSocket()) {
      await runs(member, 1);
      const offered = (await member.configuration()).attempts.some((attempt) => attempt.version === version);
      expect([member.name, offered]).toEqual([member.name, member.agentId === failed]);
    }
  }

  /** It says so itself: the configuration it runs is that of the version, and it is well with it. */
  async function runs(member: Member, version: number): Promise<void> {
    const read = () => Promise.all([member.read(), member.configuration()]);
    try {
      await eventually(
        `${member.name} to run version ${version}`,
        async () => {
          const [agent, configuration] = await read();
          const isThere =
            agent.state === "connected" &&
            agent.healthy === true &&
            configuration.state === "in_sync" &&
            configuration.assigned?.version === version &&
            configuration.drift?.in_sync === true &&
            configuration.effective.some(({ body }) => body.includes(`127.0.0.1:${member.otlpPort}`));
          return isThere || undefined;
        },
        END_LIMIT_MS,
      );
    } catch (cause) {
      const [agent, configuration] = await read();
      throw new Error(
        `${JSON.stringify({ agent, configuration }, null, 1)}\n${member.supervisor.output().slice(-3_000)}\n${member.supervisor.collectorOutput().slice(-2_000)}`,
        { cause },
      );
    }
  }
});
