import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rollout } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { receiving } from "./load.ts";
import { supervisorPrograms } from "./supervisor.ts";

// Collectors under their supervisors and gateways that are the guide's shell script, in one rollout.

const programs = await supervisorPrograms();
if (programs === undefined)
  console.log("skipped: a rollout over Collectors and gateways needs Go on PATH to build a Collector");

const ROOT = resolve(import.meta.dirname, "../..");
const GUIDE = readFileSync(join(ROOT, "docs/guides/gateways-with-curl.md"), "utf8");
const SCRIPT = /cat > gateway\.sh <<'END'\n([\s\S]*?)\nEND\n/.exec(GUIDE)?.[1] ?? "";
const LIMIT_MS = 90_000;
const PLAN = { waves: [{ percent: 100 }], soak_seconds: 1, telemetry: null };
/** Stands in the version that one gateway is not well with. */
const BAD = "a setting that gateway-2 cannot stand";

describe.skipIf(programs === undefined)("Collectors and gateways together", { timeout: 180_000 }, () => {
  let plane: ControlPlane;
  let fleet: Fleet;
  let gateways: Gateway[] = [];
  let configurationId: string;

  beforeAll(async () => {
    if (programs === undefined) return;
    plane = await startControlPlane();
    const { secret } = await plane.client.enrolmentTokenCreate({
      body: { uses_max: 2, labels: { env: "prod" } },
    });
    fleet = await startFleet(plane, programs, [
      { name: "collector-1", transport: "ws" },
      { name: "collector-2", transport: "http" },
    ]);
    gateways = [startGateway("gateway-1", secret), startGateway("gateway-2", secret)];
    for (const { name } of gateways)
      await eventually(`${name} to have registered`, async () => {
        const { items } = await plane.client.agentList({ query: { q: name, state: "connected" } });
        return items[0];
      });
    const { id } = await plane.client.configurationCreate({ body: { name: "edge", body: textOf("good") } });
    configurationId = id;
  }, 120_000);
  afterAll(async () => {
    for (const gateway of gateways) await gateway.stop();
    await fleet?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  test("a version that all are well with passes everywhere, once each says that it runs it", async () => {
    const rollout = await ended(await start(1));
    expect([rollout.state, rollout.counts.passed]).toEqual(["completed", 4]);
    expect(await running()).toEqual(["good", "good"]);
  });

  test("a gateway that is not well with a version fails its wave and gets the old one back, as do all others", async () => {
    const { version } = await plane.client.configurationVersionCreate({
      params: { configuration_id: configurationId },
      body: { body: textOf(BAD), message: "To be taken back" },
    });
    const rollout = await ended(await start(version));
    expect([rollout.state, rollout.waves.map(({ state }) => state)]).toEqual(["rolled_back", ["failed"]]);
    expect(rollout.counts).toMatchObject({ reverted: 4, failed: 0 });
    const { items } = await plane.client.rolloutFailures({ params: { rollout_id: rollout.id } });
    expect(items).toEqual([
      expect.objectContaining({
        reason_code: "unhealthy",
        reason: "it does not stand this",
        agents: 1,
        examples: [expect.objectContaining({ name: "gateway-2" })],
      }),
    ]);
    expect(await running()).toEqual(["good", "good"]);
    for (const { name } of gateways) {
      const { items: agents } = await plane.client.agentList({ query: { q: name } });
      expect(agents[0]).toMatchObject({ healthy: true, configuration: { version: 1, state: "in_sync" } });
    }
  });

  function start(version: number): Promise<Rollout> {
    return plane.client.rolloutCreate({
      body: {
        configuration_id: configurationId,
        version,
        selector: 'labels.env == "prod"',
        confirm_everybody: true,
        plan: PLAN,
      },
    });
  }

  async function ended({ id }: Rollout): Promise<Rollout> {
    const rollout = await eventually(
      "the rollout to end",
      async () => {
        const now = await plane.client.rolloutRead({ params: { rollout_id: id } });
        return now.ended_at === null && now.state !== "paused" ? undefined : now;
      },
      LIMIT_MS,
    ).catch((error: unknown) => {
      throw new Error(gateways.map(({ output }) => output()).join("\n"), { cause: error });
    });
    return rollout;
  }

  /** What the file of each gateway says. */
  async function running(): Promise<string[]> {
    return gateways.map(
      ({ folder }) => /^# (.*)$/m.exec(readFileSync(join(folder, "config.yaml"), "utf8"))?.[1] ?? "",
    );
  }

  /** The guide's script in a folder of its own, under `sh`. */
  function startGateway(name: string, token: string): Gateway {
    const folder = mkdtempSync(join(tmpdir(), `flowplane-${name}-`));
    writeFileSync(join(folder, "gateway.sh"), SCRIPT);
    const check = join(folder, "check.sh");
    writeFileSync(
      check,
      `#!/bin/sh\n! grep -q "a setting that ${name} cannot" config.yaml || { echo "it does not stand this"; exit 1; }\n`,
    );
    chmodSync(check, 0o700);
    const child: ChildProcess = spawn("sh", ["gateway.sh"], {
      cwd: folder,
      env: {
        PATH: process.env["PATH"],
        HOME: folder,
        BACKEND_URL: plane.url,
        REGISTRATION_TOKEN: token,
        INSTANCE_ID: name,
        HEARTBEAT_INTERVAL: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    for (const stream of [child.stdout, child.stderr])
      stream?.on("data", (chunk: Buffer) => (printed = (printed + chunk.toString()).slice(-OUTPUT_KEPT)));
    const exited = once(child, "exit");
    return {
      name,
      folder,
      output: () => `${name}: ${printed}`,
      async stop() {
        child.kill("SIGTERM");
        await exited;
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
});

const OUTPUT_KEPT = 5_000;

interface Gateway {
  readonly name: string;
  readonly folder: string;
  output(): string;
  stop(): Promise<void>;
}

/** One configuration; the comment is all that tells two of them apart. */
function textOf(comment: string): string {
  return `# ${comment}\n${receiving()}`;
}
