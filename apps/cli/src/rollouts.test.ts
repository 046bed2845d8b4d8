import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Rollout } from "@flowplane/contract";
import {
  AGENT_ID,
  CONFIGURATION_ID,
  page,
  refuse,
  ROLLOUT_ID,
  someRollout,
  someWave,
  type Answer,
  type FakeControlPlane,
} from "./testing/fake-control-plane.ts";
import { Faked } from "./testing/faked.ts";
import type { Finished } from "./testing/flowplane.ts";

// The real command as a process of its own, against a control plane that answers what the test says.

const TEXT =
  "receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";
const ROLLOUT = `/api/v1/rollouts/${ROLLOUT_ID}`;
const CONFIGURATION = {
  id: CONFIGURATION_ID,
  name: "edge",
  description: "",
  current_version: 4,
  hash: createHash("sha256").update(TEXT).digest("hex"),
  warnings: 0,
  created_by: { type: "user", id: "u1", name: "Ada" },
  created_at: "2026-01-02T03:04:05.678Z",
  updated_at: "2026-01-02T03:04:05.678Z",
};
const NO_PROBLEMS = {
  problems: [],
  fleet: { agents: 0, reporting: 0 },
  lacks: [],
  graph: null,
  references: [],
};
const PORT_TAKEN = {
  reason_code: "crashed",
  reason: "listen tcp 127.0.0.1:4318: bind: address already in use",
  agents: 1,
  examples: [{ agent_id: AGENT_ID, name: "edge-3" }],
};

const faked = new Faked();

function serve(routes: Readonly<Record<string, Answer>>): Promise<FakeControlPlane> {
  return faked.serve({
    "GET /api/v1/configurations": () => page([CONFIGURATION]),
    "POST /api/v1/configurations/check": () => NO_PROBLEMS,
    [`GET ${ROLLOUT}/failures`]: () => ({ items: [] }),
    ...routes,
  });
}

function flowplane(...args: string[]): Promise<Finished> {
  return faked.flowplane(args);
}

/** Answers the next of these at each reading, and the last one for ever. */
function oneAfterTheOther(...rollouts: readonly Rollout[]): Answer {
  let index = -1;
  return () => rollouts[Math.min((index += 1), rollouts.length - 1)];
}

const RUNNING = someRollout({
  waves: [someWave(0, "running", { applying: 1 }), someWave(1, "waiting", { waiting: 3 })],
});
const COMPLETED = someRollout({
  state: "completed",
  sentence: "All 4 agents have version 4.",
  waves: [someWave(0, "passed", { passed: 1 }), someWave(1, "passed", { passed: 3 })],
});
const ROLLED_BACK = someRollout({
  state: "rolled_back",
  reason: "wave 1 failed",
  sentence: "Taken back: wave 1 failed.",
  waves: [someWave(0, "failed", { reverted: 1 }), someWave(1, "waiting", { waiting: 3 })],
});

describe("rollouts start", () => {
  test("says whom, how and why, and leaves the rest to the control plane", async () => {
    const { seen } = await serve({ "POST /api/v1/rollouts": () => someRollout() });
    const { code, stdout } = await flowplane(
      "rollouts",
      "start",
      "edge",
      "--to",
      'labels.env == "prod"',
      "-m",
      "Friday",
      "--waves",
      "1,10%,100%",
      "--soak",
      "60s",
      "--window",
      "Europe/Berlin mon-thu 09:00-16:00",
      "--on-failure",
      "pause",
      "--split",
      "20%:3",
      "--everybody",
    );
    expect([code, stdout]).toEqual([0, "Wave 1 of 2 is under way. (0000b011)\n"]);
    expect(seen.at(-1)?.body).toEqual({
      configuration_id: CONFIGURATION_ID,
      selector: 'labels.env == "prod"',
      split: { percent: 20, baseline_version: 3 },
      plan: {
        waves: [{ count: 1 }, { percent: 10 }, { percent: 100 }],
        soak_seconds: 60,
        window: {
          time_zone: "Europe/Berlin",
          days: ["mon", "tue", "wed", "thu"],
          from: "09:00",
          until: "16:00",
        },
        gate: { on_failure: "pause" },
      },
      message: "Friday",
      confirm_everybody: true,
      on_overlap: "refuse",
    });
    expect(seen.at(-1)?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("says what the control plane says when it refuses", async () => {
    await serve({
      "POST /api/v1/rollouts": (_, response) =>
        refuse(response, 409, "conflict", "Another rollout has 3 of these agents."),
    });
    const { code, stderr } = await flowplane("rollouts", "start", "edge", "--to", "true");
    expect([code, stderr]).toEqual([6, expect.stringContaining("Another rollout has 3 of these agents.")]);
  });
});

describe("rollouts plan", () => {
  const preview = {
    agents: 4,
    everybody: true,
    reachable: 3,
    unreachable: 1,
    skipped: [{ reason_code: "lacks_components", agents: 1, sentence: "1 agent lacks the receiver filelog" }],
    waves: [
      { index: 0, agents: 1 },
      { index: 1, agents: 3 },
    ],
    overlaps: [],
    problems: [],
    changes: [
      {
        from: { configuration_id: CONFIGURATION_ID, version: 3 },
        agents: 4,
        changes: [
          { change: "changed", what: "receiver", id: "otlp", settings: [["protocols", "http", "endpoint"]] },
        ],
        text_diff: "-endpoint: a\n+endpoint: b\n",
      },
    ],
    items: [
      {
        agent_id: AGENT_ID,
        name: "edge-3",
        site_id: "s",
        state: "connected",
        wave: 0,
        reason_code: null,
        change: 0,
      },
    ],
  };

  test("shows agents, waves and what changes", async () => {
    await serve({ "POST /api/v1/rollouts/preview": () => preview });
    const { code, stdout } = await flowplane("rollouts", "plan", "edge", "--to", "true");
    expect(code).toBe(0);
    for (const line of [
      "4 agents: 3 reachable, 1 not; these are all there are: starting needs --everybody",
      "in waves of 1, then 3",
      "skipped: 1 agent lacks the receiver filelog",
      "~ receiver otlp: protocols.http.endpoint  (4 agents)",
      "4 agents with version 3",
      "+endpoint: b",
    ])
      expect(stdout).toContain(`${line}\n`);
    expect(stdout).toMatch(/^edge-3\s+connected\s+1\s*$/m);
  });

  test("fails when something keeps it from being started", async () => {
    await serve({
      "POST /api/v1/rollouts/preview": () => ({ ...preview, problems: ["Version 4 has errors."] }),
    });
    const { code, stderr } = await flowplane("rollouts", "plan", "edge", "--to", "true");
    expect([code, stderr]).toEqual([1, "and 3 more\nVersion 4 has errors.\n"]);
  });
});

describe("rollouts watch", () => {
  test("tells each wave once, and exits with 0 when it completed", async () => {
    await serve({ [`GET ${ROLLOUT}`]: oneAfterTheOther(RUNNING, RUNNING, COMPLETED) });
    const { code, stdout } = await flowplane("rollouts", "watch", ROLLOUT_ID);
    expect(stdout).toBe(
      "wave 1 of 2: 1 agent\nwave 1 of 2 passed: 1 passed\nwave 2 of 2 passed: 3 passed\nAll 4 agents have version 4.\n",
    );
    expect(code).toBe(0);
  });

  test("exits with 9 when it was taken back, with the agents' own words", async () => {
    await serve({
      [`GET ${ROLLOUT}`]: oneAfterTheOther(RUNNING, RUNNING, ROLLED_BACK),
      [`GET ${ROLLOUT}/failures`]: () => ({ items: [PORT_TAKEN] }),
    });
    const { code, stdout } = await flowplane("rollouts", "watch", ROLLOUT_ID);
    expect(code).toBe(9);
    expect(stdout).toContain("wave 1 of 2 failed: 1 went back\nTaken back: wave 1 failed.\n");
    expect(stdout).toContain("crashed: edge-3\n  listen tcp 127.0.0.1:4318: bind: address already in use\n");
  });

  test("exits with 10 when it waits for a person, and says how to go on", async () => {
    await serve({
      [`GET ${ROLLOUT}`]: () => someRollout({ state: "paused", reason: "gate" }),
    });
    const { code, stdout, stderr } = await flowplane("rollouts", "watch", ROLLOUT_ID);
    expect([code, stdout]).toEqual([10, "Wave 1 of 2 is under way.\ngate\n"]);
    expect(stderr).toContain("flowplane rollouts resume 0000b011");
  });

  test("exits with 124 when its time is over; the rollout goes on", async () => {
    const { seen } = await serve({ [`GET ${ROLLOUT}`]: () => RUNNING });
    const { code, stderr } = await flowplane("rollouts", "watch", ROLLOUT_ID, "--timeout", "100ms");
    expect([code, stderr]).toEqual([124, expect.stringContaining("It goes on.")]);
    expect(seen.every(({ method }) => method === "GET")).toBe(true);
  });

  test("prints the rollout whenever it changed, as JSON", async () => {
    await serve({ [`GET ${ROLLOUT}`]: oneAfterTheOther(RUNNING, RUNNING, COMPLETED) });
    const { stdout } = await flowplane("rollouts", "watch", ROLLOUT_ID, "--json");
    const states = stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as Rollout).state);
    expect(states).toEqual(["running", "completed"]);
  });
});

describe("configs apply --to", () => {
  const file = async (text = TEXT) => {
    const path = join(faked.home.folder, "edge.yaml");
    await writeFile(path, text);
    return path;
  };

  test("brings the version it saved, waits, and fails with the rollout", async () => {
    const { seen } = await serve({
      [`POST /api/v1/configurations/${CONFIGURATION_ID}/versions`]: () => ({ version: 5 }),
      "POST /api/v1/rollouts": () => someRollout({ version: 5 }),
      [`GET ${ROLLOUT}`]: oneAfterTheOther(RUNNING, RUNNING, ROLLED_BACK),
      [`GET ${ROLLOUT}/failures`]: () => ({ items: [PORT_TAKEN] }),
    });
    const { code, stdout } = await flowplane(
      "configs",
      "apply",
      "-f",
      await file(`# new\n${TEXT}`),
      "--to",
      "true",
      "--soak",
      "5s",
      "--wait",
    );
    expect(code).toBe(9);
    expect(stdout).toContain("edge saved as version 5\n");
    expect(stdout).toContain("address already in use");
    const started = seen.find(({ method, path }) => method === "POST" && path === "/api/v1/rollouts");
    expect(started?.body).toMatchObject({ version: 5, selector: "true", plan: { soak_seconds: 5 } });
  });

  test("takes a file that says the same for the version there is", async () => {
    const { seen } = await serve({
      "POST /api/v1/rollouts": () => someRollout(),
      [`GET ${ROLLOUT}`]: () => COMPLETED,
    });
    const { code, stdout } = await flowplane(
      "configs",
      "apply",
      "-f",
      await file(),
      "--to",
      "true",
      "--wait",
    );
    expect([code, stdout]).toEqual([0, expect.stringContaining("edge is unchanged: version 4\n")]);
    expect(seen.some(({ path }) => path.endsWith("/versions"))).toBe(false);
  });

  test("waits for nothing without agents to bring it to", async () => {
    await serve({});
    const { code, stderr } = await flowplane("configs", "apply", "-f", await file(), "--wait");
    expect([code, stderr]).toEqual([2, expect.stringContaining("--to SELECTOR")]);
  });
});

test.each([
  ["pause", "pause", { reason: "wait" }, ["-r", "wait"]],
  ["resume", "resume", { retry_failed: true }, ["--retry-failed"]],
  ["approve", "approve", undefined, []],
  ["abort", "abort", { reason: "wait" }, ["-r", "wait"]],
  ["rollback", "roll-back", { reason: "wait" }, ["-r", "wait"]],
])("rollouts %s takes the newest for @last", async (verb, path, body, options) => {
  const { seen } = await serve({
    "GET /api/v1/rollouts": () => page([someRollout()]),
    [`POST ${ROLLOUT}/${path}`]: () => someRollout({ sentence: "It is so." }),
  });
  const { code, stdout } = await flowplane("rollouts", verb, "@last", ...options);
  expect([code, stdout]).toEqual([0, "It is so.\n"]);
  expect(seen.at(-1)?.body).toEqual(body);
});

test("ls, show and agents are tables", async () => {
  const failed = {
    agent_id: AGENT_ID,
    name: "edge-3",
    site_id: "s",
    wave: 0,
    variant: "version",
    state: "reverted",
    state_since: "2026-01-02T03:04:05.678Z",
    reason_code: "crashed",
    reason: "exit code=1",
    waiting: null,
    from: { configuration_id: CONFIGURATION_ID, version: 3 },
    attempts: 1,
  };
  const { seen } = await serve({
    "GET /api/v1/rollouts": () => page([ROLLED_BACK]),
    [`GET ${ROLLOUT}`]: () => ROLLED_BACK,
    [`GET ${ROLLOUT}/failures`]: () => ({ items: [PORT_TAKEN] }),
    [`GET ${ROLLOUT}/agents`]: () => page([failed]),
  });
  expect((await flowplane("rollouts")).stdout).toMatch(
    /^rolled back\s+edge v4\s+1 of 2\s.*Ada\s+Friday\s+0000b011$/m,
  );
  const { stdout } = await flowplane("rollouts", "show", "@last");
  expect(stdout).toContain("Taken back: wave 1 failed.\n");
  expect(stdout).toContain(`wave 1   ${"<".repeat(24)} 1 went back\n`);
  expect(stdout).toContain("address already in use");
  const agents = await flowplane("rollouts", "agents", "@last", "--wave", "1");
  expect(agents.stdout).toMatch(/^edge-3\s+1\s+reverted\s.*v3\s+crashed: exit code=1\s/m);
  expect(seen.at(-1)?.query).toMatchObject({ wave: "0" });
});

describe("rollouts compare", () => {
  const SIDE = {
    agents: 8,
    looked_at: 8,
    given: 8,
    failed: 0,
    rolled_itself_back: 0,
    given_back: 0,
    levels: { healthy: 8, warning: 0, unhealthy: 0, offline: 0, unknown: 0 },
    series: {
      agents: [],
      accepted: [],
      refused: [],
      sent: [],
      failed: [],
      error_percent: [],
      queue_percent: [],
    },
  };
  const COMPARISON = {
    rollout_id: ROLLOUT_ID,
    other_side: "split",
    from: "2026-01-02T03:04:05.678Z",
    to: "2026-01-02T04:04:05.678Z",
    telemetry_until: "2026-01-02T04:00:00.000Z",
    signal: "traces",
    start: "2026-01-02T03:04:00.000Z",
    step_seconds: 60,
    sides: {
      version: {
        ...SIDE,
        name: "v4",
        version: 4,
        failed: 1,
        levels: { ...SIDE.levels, healthy: 7, unhealthy: 1 },
      },
      baseline: { ...SIDE, name: "v3", version: 3, agents: 2_000, looked_at: 1_000 },
    },
    figures: [
      {
        figure: "error_percent",
        version: { value: 4.12, agents: 8, minutes: 400 },
        baseline: { value: 0.2, agents: 900, minutes: 45_000 },
        difference: { value: 3.92, low: 2, high: 5.8 },
        verdict: "worse",
        sentence: "Worse.",
      },
      {
        figure: "queue_percent",
        version: { value: null, agents: 0, minutes: 0 },
        baseline: { value: 1, agents: 900, minutes: 45_000 },
        difference: null,
        verdict: "not_enough_data",
        sentence: "Not enough data.",
      },
    ],
    sentence: "v4 compared with v3: worse in errors.",
    needs: { agents: 5, minutes: 5 },
  };

  test("tells both sides with the agents behind each figure, and what is a sample", async () => {
    const { seen } = await serve({
      "GET /api/v1/rollouts": () => page([RUNNING]),
      [`GET ${ROLLOUT}/comparison`]: () => COMPARISON,
    });
    const { code, stdout, stderr } = await flowplane("rollouts", "compare", "@last", "--signal", "traces");
    expect([code, seen.at(-1)?.query]).toEqual([0, { signal: "traces" }]);
    expect(stdout).toContain("v4 compared with v3: worse in errors.\n");
    expect(stdout).toMatch(/^v4 +8 agents, 7 healthy, 1 unhealthy, 1 of 8 failed$/m);
    expect(stdout).toMatch(/^items refused or failed +4\.1 % \(8\) +0\.2 % \(900\) +worse$/m);
    expect(stdout).toMatch(/^queue use +- +1 % \(900\) +not enough data$/m);
    expect(stdout + stderr).toContain("v3: history of 1000 agents, a fixed sample.");
  });

  test("is JSON for programs", async () => {
    await serve({
      "GET /api/v1/rollouts": () => page([RUNNING]),
      [`GET ${ROLLOUT}/comparison`]: () => COMPARISON,
    });
    const { stdout } = await flowplane("rollouts", "compare", "@last", "--json");
    expect(JSON.parse(stdout)).toEqual(COMPARISON);
  });
});
