import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rollout } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { ownPort, startFleet, type Fleet, type Member } from "./fleet.ts";
import { forwarding, keepSending, startBackend, type Backend } from "./load.ts";
import { supervisorPrograms } from "./supervisor.ts";

// Versions that every Collector applies, is well with, and does its work worse: only what it counts of itself tells. Logs flow
// through real Collectors to a server that takes them, all the while.

const programs = await supervisorPrograms();
if (programs === undefined)
  console.log("skipped: verdicts by the telemetry of real Collectors need Go on PATH to build one");

const END_LIMIT_MS = 120_000;
const SOAK_SECONDS = 8;
const REPORT_MS = 1_000;

describe.skipIf(programs === undefined)("a rollout judged by telemetry alone", { timeout: 240_000 }, () => {
  let plane: ControlPlane;
  let fleet: Fleet;
  let backend: Backend;
  let configurationId: string;
  const load = new AbortController();
  let sending: Promise<unknown> = Promise.resolve();

  beforeAll(async () => {
    if (programs === undefined) return;
    backend = await startBackend();
    plane = await startControlPlane({ command: "up" });
    const busy = {
      transport: "ws" as const,
      collectorEnv: { OTEL_METRIC_EXPORT_INTERVAL: String(REPORT_MS) },
      // What is judged here is not how fast a Collector starts.
      configApplyTimeoutSeconds: 10,
    };
    fleet = await startFleet(plane, programs, [
      { name: "busy-1", ...busy },
      { name: "busy-2", ...busy },
    ]);
    sending = Promise.all(fleet.members.map(({ otlpPort }) => keepSending(otlpPort, load.signal)));
    const { id } = await plane.client.configurationCreate({
      body: { name: "busy", body: forwarding(backend.url) },
    });
    configurationId = id;
    await ended(await start(1), "completed");
    for (const member of fleet.members) await works(member);
  }, 240_000);
  afterAll(async () => {
    load.abort();
    await sending;
    await fleet?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
    backend?.close();
  });

  test("an exporter that cannot send stops it in the first wave, while the Collector says that it is well", async () => {
    const nobody = await ownPort();
    const version = await save(forwarding(`http://127.0.0.1:${nobody}`), "To the new backend");
    const rollout = await ended(await start(version), "rolled_back");
    await stoppedInWaveOne(
      rollout,
      version,
      "errors_rose",
      /^\d+\.\d % of its items fail, 0\.0 % did before\.$/,
    );
  });

  test("a receiver that nobody reaches any more stops it there too", async () => {
    const elsewhere = await ownPort();
    const version = await save(
      forwarding(backend.url).replace("${env:OTLP_PORT}", String(elsewhere)),
      "Another port, which no client knows",
    );
    const rollout = await ended(await start(version), "rolled_back");
    await stoppedInWaveOne(
      rollout,
      version,
      "throughput_fell",
      /^It takes 0\.0 items a second, \d+\.\d before\.$/,
    );
  });

  async function save(body: string, message: string): Promise<number> {
    const { version } = await plane.client.configurationVersionCreate({
      params: { configuration_id: configurationId },
      body: { body, message },
    });
    return version;
  }

  function start(version: number): Promise<Rollout> {
    return plane.client.rolloutCreate({
      body: {
        configuration_id: configurationId,
        version,
        selector: 'labels.env == "prod"',
        plan: { waves: [{ count: 1 }, { percent: 100 }], soak_seconds: SOAK_SECONDS },
      },
    });
  }

  async function ended({ id }: { id: string }, state: Rollout["state"]): Promise<Rollout> {
    const rollout = await eventually(
      `the rollout to end`,
      async () => {
        const now = await plane.client.rolloutRead({ params: { rollout_id: id } });
        return now.ended_at === null && now.state !== "paused" ? undefined : now;
      },
      END_LIMIT_MS,
    );
    const { items } = await plane.client.rolloutAgents({ params: { rollout_id: id }, query: {} });
    expect(rollout.state, `${JSON.stringify(items, null, 1)}\n${fleet.output()}`).toBe(state);
    return rollout;
  }

  /** One agent had the version, was well with it, and got back what it had; the other never saw it. */
  async function stoppedInWaveOne(rollout: Rollout, version: number, reasonCode: string, words: RegExp) {
    expect(rollout.waves.map(({ state }) => state)).toEqual(["failed", "waiting"]);
    expect(rollout.counts).toMatchObject({ reverted: 1, failed: 0, passed: 0 });
    const { items } = await plane.client.rolloutFailures({ params: { rollout_id: rollout.id } });
    expect(items).toEqual([
      expect.objectContaining({ reason_code: reasonCode, agents: 1, reason: expect.stringMatching(words) }),
    ]);
    const failed = items[0]?.examples[0]?.agent_id;
    for (const member of fleet.members) {
      const { attempts } = await member.configuration();
      const attempt = attempts.find((one) => one.version === version);
      expect([member.name, attempt?.status]).toEqual([
        member.name,
        member.agentId === failed ? "applied" : undefined,
      ]);
      await works(member);
    }
    const history = await plane.client.agentHealthHistory({ params: { agent_id: failed ?? "" } });
    const since = Date.parse(rollout.created_at);
    expect(
      history.spans.filter(({ level, from }) => level === "unhealthy" && Date.parse(from) >= since),
    ).toEqual([]);
  }

  /** What is sent to it goes through, by its own count. */
  async function works(member: Member): Promise<void> {
    await eventually(
      `logs to flow through ${member.name}`,
      async () => {
        const { components } = await plane.client.agentThroughput({ params: { agent_id: member.agentId } });
        const rate = (kind: string) =>
          components.find((each) => each.kind === kind && each.signal === "logs");
        const [receiver, exporter] = [rate("receiver"), rate("exporter")];
        const { healthy } = await member.read();
        return healthy === true &&
          (receiver?.accepted_per_second ?? 0) > 1 &&
          (exporter?.sent_per_second ?? 0) > 1
          ? true
          : undefined;
      },
      END_LIMIT_MS,
    );
  }
});
