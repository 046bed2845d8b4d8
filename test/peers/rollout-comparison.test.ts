import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { COMPARED_AGENTS_MIN, isInShare } from "@flowplane/rollouts";
import type { ComparedFigureName, Rollout, RolloutComparison } from "@flowplane/contract";
import { CLI, eventually, startControlPlane, testClock, type ControlPlane } from "../harness/index.ts";
import { ownPort, startFleet, type Fleet } from "./fleet.ts";
import { forwarding, keepSending, startBackend, type Backend } from "./load.ts";
import { supervisorPrograms } from "./supervisor.ts";

// Two versions side by side on real Collectors that tell of themselves: one sends what it takes on, the other loses it all.
//
// A comparison needs minutes of telemetry. The control plane's clock is set instead of waiting: it is a day ahead, so that what
// Collectors report counts as measured on arrival, and between two reports of each it goes on by some minutes.

const programs = await supervisorPrograms();
if (programs === undefined) console.log("skipped: comparing real Collectors needs Go on PATH to build one");

const LIMIT_MS = 60_000;
const MINUTE_MS = 60_000;
/** More than a day: a report's own time is then no time. */
const AHEAD_MS = 25 * 60 * MINUTE_MS;
/** Less than the silence beyond which nothing is said of the time between two reports. */
const BETWEEN_MS = 9 * MINUTE_MS;
/** More than a minute of telemetry waits for before it is rolled up. */
const SETTLED_MS = 5 * MINUTE_MS;
const REPORT_MS = 1_000;

describe.skipIf(programs === undefined)("two versions side by side", { timeout: 180_000 }, () => {
  let plane: ControlPlane;
  let fleet: Fleet;
  let backend: Backend;
  const folder = mkdtempSync(join(tmpdir(), "flowplane-comparison-"));
  const clock = testClock(join(folder, "clock"));
  const load = new AbortController();
  let sending: Promise<unknown> = Promise.resolve();

  beforeAll(async () => {
    if (programs === undefined) return;
    clock.set(AHEAD_MS);
    backend = await startBackend();
    plane = await startControlPlane({ env: clock.env });
    fleet = await startFleet(
      plane,
      programs,
      Array.from({ length: 2 * COMPARED_AGENTS_MIN }, (_, index) => ({
        name: `side-${index}`,
        transport: "ws" as const,
        collectorEnv: { OTEL_METRIC_EXPORT_INTERVAL: String(REPORT_MS) },
      })),
    );
    sending = Promise.all(fleet.members.map(({ otlpPort }) => keepSending(otlpPort, load.signal)));
  }, 120_000);
  afterAll(async () => {
    load.abort();
    await sending;
    await fleet?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
    backend?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("the side that loses what it takes has the higher error rate, and API and command line say so", async () => {
    const { id: configurationId } = await plane.client.configurationCreate({
      body: { name: "sides", body: forwarding(backend.url) },
    });
    const nobody = await ownPort();
    const { version } = await plane.client.configurationVersionCreate({
      params: { configuration_id: configurationId },
      body: { body: forwarding(`http://127.0.0.1:${nobody}`), message: "To a backend that is not there" },
    });
    const rollout = await plane.client.rolloutCreate({
      body: {
        configuration_id: configurationId,
        version,
        selector: 'labels.env == "prod"',
        confirm_everybody: true,
        split: { baseline_version: 1, percent: halfOf(configurationId) },
        // By itself it would take the version back; what is looked at here is what a person would see who lets it go on.
        plan: { waves: [{ percent: 100 }], soak_seconds: 1, telemetry: null },
      },
    });
    await completed(rollout);
    await reported("before the time that is compared");
    clock.set(AHEAD_MS + BETWEEN_MS);
    const heard = Date.now() + AHEAD_MS + BETWEEN_MS;
    await reported("after it", heard);
    clock.set(AHEAD_MS + BETWEEN_MS + SETTLED_MS);

    const compared = await eventually(
      "a verdict on what could not be sent",
      async () => {
        const comparison = await plane.client.rolloutComparison({
          params: { rollout_id: rollout.id },
          query: {},
        });
        const { verdict } = figure(comparison, "error_percent");
        return verdict === "not_enough_data" ? undefined : comparison;
      },
      LIMIT_MS,
    );
    expect(compared).toMatchObject({
      other_side: "split",
      sides: {
        version: { version, agents: COMPARED_AGENTS_MIN, given: COMPARED_AGENTS_MIN, failed: 0 },
        baseline: { version: 1, agents: COMPARED_AGENTS_MIN, given: COMPARED_AGENTS_MIN, failed: 0 },
      },
    });
    const errors = figure(compared, "error_percent");
    expect(errors).toMatchObject({
      verdict: "worse",
      version: { agents: COMPARED_AGENTS_MIN },
      baseline: { agents: COMPARED_AGENTS_MIN, value: 0 },
      sentence: expect.stringMatching(/^Worse: \d+(\.\d+)? % with v2, 0 % with v1/),
    });
    expect(errors.version.value).toBeGreaterThan(90);
    // Both take on what is sent to them: only what becomes of it differs.
    expect(figure(compared, "accepted_per_second").verdict).toBe("no_difference_seen");
    expect(figure(compared, "sent_per_second")).toMatchObject({ verdict: "lower", version: { value: 0 } });
    expect(figure(compared, "failed_per_second").verdict).toBe("worse");
    expect(compared.sentence).toMatch(
      /^v2 compared with v1: worse in .*items refused or failed \([\d.]+ % against 0 %\)/,
    );
    const { series } = compared.sides.version;
    expect(series.error_percent.filter((value) => value !== null && value > 90).length).toBeGreaterThan(0);

    const { stdout } = await promisify(execFile)(
      process.execPath,
      [CLI, "rollouts", "compare", rollout.id, "--signal", "logs"],
      { env: plane.env },
    );
    expect(stdout).toMatch(/^v2 compared with v1: worse in /);
    expect(stdout).toMatch(/^items refused or failed\s+[\d.]+ % \(5\)\s+0 % \(5\)\s+worse/im);
  });

  /** A percentage by which half of the agents are on each side: they are by a hash of their ids. */
  function halfOf(configurationId: string): number {
    for (let percent = 1; percent < 99; percent += 0.01) {
      const those = fleet.members.filter(({ agentId }) => isInShare(configurationId, agentId, percent));
      if (those.length === COMPARED_AGENTS_MIN) return percent;
    }
    throw new Error("no percentage takes half of these agents");
  }

  function completed({ id }: Rollout): Promise<Rollout> {
    return eventually(
      `the rollout to complete: ${fleet.output()}`,
      async () => {
        const now = await plane.client.rolloutRead({ params: { rollout_id: id } });
        if (now.state !== "running" && now.state !== "completed") throw new Error(now.sentence);
        return now.state === "completed" ? now : undefined;
      },
      LIMIT_MS,
    );
  }

  /** Every Collector has told of logs it took on, in a report that came after a moment of the control plane's clock. */
  async function reported(what: string, since = 0): Promise<void> {
    for (const { agentId, name } of fleet.members)
      await eventually(
        `a report of ${name} ${what}`,
        async () => {
          const { last_reported_at: at, components } = await plane.client.agentThroughput({
            params: { agent_id: agentId },
          });
          const takes = components.some(
            ({ kind, accepted_per_second: rate }) => kind === "receiver" && (rate ?? 0) > 0,
          );
          return at !== null && Date.parse(at) >= since && takes ? true : undefined;
        },
        LIMIT_MS,
      );
  }
});

function figure(comparison: RolloutComparison, name: ComparedFigureName) {
  const found = comparison.figures.find((each) => each.figure === name);
  if (found === undefined) throw new Error(`no figure ${name}`);
  return found;
}
