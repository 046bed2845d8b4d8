import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import type { IncidentDetail, Policy, PolicyVersion } from "@flowplane/contract";
import { chunkBytes, evidenceFileHead, evidenceFileSegment } from "@flowplane/detection";
import { encodeLines } from "@flowplane/link";
import { describe, expect, test } from "vitest";
import { AGENT_ID, ANSWERED, page, RUN_ID, someLine, someRun } from "./testing/fake-control-plane.ts";
import { Faked } from "./testing/faked.ts";

// The commands for runs that go wrong, each as its own process, against a control plane that answers what the test says.

const faked = new Faked();
const { serve, flowplane } = faked;

const INCIDENT_ID = "019b8d7a-1111-7000-8000-0000000001c1";
const POLICY_ID = "019b8d7a-2222-7000-8000-0000000002b0";
const AT = "2026-01-02T03:04:05.678Z";
const BY = { type: "user", id: "u1", name: "Ada" } as const;

const incident: IncidentDetail = {
  id: INCIDENT_ID,
  run_id: RUN_ID,
  run_name: "crawl",
  job_id: null,
  site_id: "s",
  agent_id: AGENT_ID,
  agent_name: "local",
  category: "loop",
  severity: "critical",
  state: "open",
  score: 91,
  confidence: 0.91,
  title: "The same failure again and again",
  sentence: "The same failure came 60 times; it was stopped.",
  policy: { id: POLICY_ID, name: "careful", version: 2, mode: "enforce" },
  interventions: [
    { action: "stop", outcome: "done", why: "the policy says so", at: AT, actor: BY, run_id: null },
  ],
  feedback: null,
  opened_at: AT,
  closed_at: null,
  closed_because: null,
  acknowledged_by: null,
  evidence: {
    families: [{ family: "repetition", strength: 900, value: 60, threshold: 20, unit: "lines" }],
    signature: null,
    lines: { from: 91, to: 150 },
    since: { line: 91, at: AT },
    last_progress: null,
    suppressions: [],
    config_hash: "c",
  },
  lines: [{ text: "ERROR denied \u001b[2J", count: 60, first: someLine(91, "ERROR denied"), last_seq: 150 }],
  before: [],
  after: [{ at: AT, what: "Stopped", detail: null }],
};

describe("incidents", () => {
  test("are listed with what was done, and one is shown with its lines", async () => {
    const { seen } = await serve({
      "GET /api/v1/incidents": () => page([incident]),
      [`GET /api/v1/incidents/${INCIDENT_ID}`]: () => incident,
    });
    const list = await flowplane(["incidents", "--state", "open", "--since", "1d"]);
    expect(list.stdout).toMatch(
      /000001c1\s+critical\s+open\s+loop\s+.* ago\s+9de33319\s+stop done\s+The same failure/,
    );
    expect(seen[0]?.query).toMatchObject({ state: "open", since: expect.stringMatching(/Z$/) as string });
    const shown = await flowplane(["incidents", "show", "-"]);
    expect(shown.code).toBe(0);
    expect(shown.stdout).toMatch(/^The same failure came 60 times; it was stopped\.\n/);
    expect(shown.stdout).toContain("policy     careful v2, enforce");
    expect(shown.stdout).toMatch(/60 × line 91: ERROR denied/);
    expect(shown.stdout).not.toContain("\u001b[2J");
    const json = await flowplane(["incidents", "show", INCIDENT_ID, "--json"]);
    expect(JSON.parse(json.stdout)).toEqual(incident);
  });

  test("are acknowledged, closed and judged", async () => {
    const { seen } = await serve({
      [`POST /api/v1/incidents/${INCIDENT_ID}/acknowledge`]: () => incident,
      [`POST /api/v1/incidents/${INCIDENT_ID}/close`]: () => incident,
      [`PUT /api/v1/incidents/${INCIDENT_ID}/feedback`]: () => incident,
    });
    expect((await flowplane(["incidents", "ack", INCIDENT_ID])).stdout).toBe("000001c1 acknowledged\n");
    await flowplane(["incidents", "close", INCIDENT_ID, "-r", "fixed"]);
    await flowplane(["incidents", "feedback", INCIDENT_ID, "wrong", "-m", "it polls by design"]);
    expect(seen.map(({ body }) => body)).toEqual([
      undefined,
      { reason: "fixed" },
      { verdict: "wrong", note: "it polls by design" },
    ]);
    const bad = await flowplane(["incidents", "feedback", INCIDENT_ID, "maybe"]);
    expect([bad.code, bad.stderr]).toEqual([2, expect.stringMatching(/right, wrong/)]);
  });
});

describe("freeze, resume and the search across runs", () => {
  test("send what they mean", async () => {
    const { seen } = await serve({
      "GET /api/v1/runs": () => page([someRun()]),
      [`POST /api/v1/runs/${RUN_ID}/freeze`]: () => someRun(),
      [`POST /api/v1/runs/${RUN_ID}/resume`]: () => someRun(),
      "GET /api/v1/logs/search": ({ query }) => ({
        items:
          query["q"] === "needle"
            ? [{ run_id: RUN_ID, run_name: "crawl", line: someLine(7, "a needle") }]
            : [],
        next_cursor: null,
        searched: { runs: 1, bytes: 10 },
      }),
    });
    expect((await flowplane(["freeze", "9de33319", "-r", "wait"])).stdout).toBe("9de33319 paused\n");
    expect((await flowplane(["resume", "-"])).stdout).toBe("9de33319 goes on\n");
    expect(seen.find(({ path }) => path.endsWith("/freeze"))?.body).toEqual({ reason: "wait" });
    const found = await flowplane(["logs", "--search", "needle", "--since", "1h"]);
    expect([found.code, found.stdout]).toEqual([0, `9de33319 ${AT} 7 a needle\n`]);
    expect((await flowplane(["logs", "--search", "nothing"])).code).toBe(1);
    expect((await flowplane(["logs"])).code).toBe(2);
  });
});

describe("secrets", () => {
  test("take their value from stdin, never from the command line", async () => {
    const { seen } = await serve({
      "PUT /api/v1/secrets/KEY": () => ({
        name: "KEY",
        site_id: null,
        created_by: BY,
        created_at: AT,
        updated_at: AT,
        last_used_at: null,
      }),
      "DELETE /api/v1/secrets/KEY": () => undefined,
    });
    expect((await flowplane(["secrets", "set", "KEY"], {}, "two\nlines\n")).stdout).toBe("KEY stored\n");
    expect(seen[0]?.body).toEqual({ value: "two\nlines", site_id: null });
    expect((await flowplane(["secrets", "set", "KEY", "value"])).code).toBe(2);
    expect((await flowplane(["secrets", "set", "KEY"], {}, "\n")).code).toBe(2);
    expect((await flowplane(["secrets", "rm", "KEY"])).stdout).toBe("KEY forgotten\n");
  });
});

describe("policies", () => {
  const document = {
    mode: "shadow",
    sensitivity: "medium",
    benign: [],
    warm_up_ms: 0,
    cooldown_ms: 0,
    rate_limit: { interventions_max: 5, window_ms: 1_000, fallback_ms: 1_000 },
    actions: {},
  } as const satisfies Policy["current"];
  const policy: Policy = {
    id: POLICY_ID,
    name: "careful",
    description: "",
    current_version: 2,
    current: document,
    is_default: true,
    runs_30d: 3,
    incidents_30d: 1,
    created_by: BY,
    created_at: AT,
    updated_at: AT,
  };
  const version = (number: number, change: object = {}): PolicyVersion => ({
    policy_id: POLICY_ID,
    version: number,
    document: { ...document, ...change },
    hash: "h",
    message: "m",
    created_by: BY,
    created_at: AT,
  });
  const routes = {
    "GET /api/v1/policies": () => page([policy]),
    [`GET /api/v1/policies/${POLICY_ID}/versions`]: () =>
      page([version(2, { sensitivity: "high" }), version(1)]),
    [`GET /api/v1/policies/${POLICY_ID}`]: () => policy,
  };

  test("are listed, shown as documents and told apart", async () => {
    await serve(routes);
    expect((await flowplane(["policies"])).stdout).toMatch(/careful\s+2\s+shadow\s+yes\s+3\s+1/);
    const shown = await flowplane(["policies", "show", "careful@1"]);
    expect(JSON.parse(shown.stdout)).toEqual(document);
    const diff = await flowplane(["policies", "diff", "careful"]);
    expect([diff.code, diff.stdout]).toEqual([1, 'sensitivity: "medium" → "high"\n']);
    expect((await flowplane(["policies", "diff", "careful", "2"])).stdout).toBe("No difference.\n");
    expect((await flowplane(["policies", "show", "careful@9"])).code).toBe(5);
  });

  test("are applied from JSON and YAML, as a new version or a new policy", async () => {
    const { seen } = await serve({
      ...routes,
      [`POST /api/v1/policies/${POLICY_ID}/versions`]: () => version(3),
      "POST /api/v1/policies": () => ({ ...policy, name: "fresh", current_version: 1 }),
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
    });
    const file = join(faked.home.folder, "policy.yaml");
    await writeFile(file, "mode: enforce\nactions:\n  loop: [{ do: stop }]\n");
    const next = await flowplane(["policies", "apply", "careful", "-f", file, "-m", "be strict"]);
    expect(next.stdout).toBe("careful v3 saved; runs use it from the next one on\n");
    expect(seen.at(-1)?.body).toEqual({
      document: { mode: "enforce", actions: { loop: [{ do: "stop" }] } },
      message: "be strict",
    });
    await flowplane(["run", "--detach", "--policy", file, "sleep", "1"]);
    expect(seen.at(-1)?.body).toMatchObject({
      policy_document: { mode: "enforce", actions: { loop: [{ do: "stop" }] } },
    });
    const fresh = await flowplane(["policies", "apply", "fresh", "-f", "-"], {}, '{"mode":"shadow"}');
    expect(fresh.stdout).toBe("fresh v1 created\n");
    const broken = await flowplane(["policies", "apply", "careful", "-f", "-"], {}, "{");
    expect([broken.code, broken.stderr]).toEqual([
      2,
      expect.stringMatching(/stdin is neither JSON nor YAML/),
    ]);
  });

  test("are compared over past runs", async () => {
    const comparison = (state: string) => ({
      id: "c1",
      policy_id: POLICY_ID,
      state,
      progress: { done: 1, total: 1 },
      base: { policy_id: POLICY_ID, version: 2, label: "v2" },
      candidate: { policy_id: null, version: null, label: "draft" },
      since: AT,
      summary: state === "done" ? { sentence: "One of 3 runs would have been stopped." } : null,
      runs: [],
      error: null,
      created_by: BY,
      created_at: AT,
    });
    await serve({
      ...routes,
      [`POST /api/v1/policies/${POLICY_ID}/comparisons`]: () => comparison("waiting"),
      [`GET /api/v1/policies/${POLICY_ID}/comparisons/c1`]: () => comparison("done"),
    });
    const { code, stdout } = await flowplane(["policies", "compare", "careful", "--version", "1"]);
    expect([code, stdout]).toEqual([0, "One of 3 runs would have been stopped.\nv2 → draft\n"]);
    expect((await flowplane(["policies", "compare", "careful"])).code).toBe(2);
  });
});

describe("replay", () => {
  const result = {
    run_id: RUN_ID,
    equal: true,
    intact: true,
    problem: null,
    events: 3,
    decisions: [],
    sentence: "Every decision is the same.",
  };

  test.each([
    [{}, 0],
    [{ equal: false }, 7],
    [{ equal: null, intact: false, problem: "changed" }, 8],
    [{ equal: null }, 0],
  ])("%j exits with %i", async (change, code) => {
    await serve({
      [`GET /api/v1/runs/${RUN_ID}`]: () => someRun(),
      [`POST /api/v1/runs/${RUN_ID}/replay`]: () => ({ ...result, ...change }),
    });
    expect((await flowplane(["replay", RUN_ID])).code).toBe(code);
  });

  test("evidence is saved whole, and a file needs nobody else", async () => {
    const text = evidence();
    await serve({
      [`GET /api/v1/runs/${RUN_ID}`]: () => someRun(),
      [`GET /api/v1/runs/${RUN_ID}/evidence/download`]: (_, response) => {
        response.writeHead(200, { "content-type": "application/jsonl" }).end(text);
        return ANSWERED;
      },
    });
    const file = join(faked.home.folder, "evidence.jsonl");
    expect((await flowplane(["evidence", RUN_ID, "-o", file])).code).toBe(0);
    expect(await readFile(file, "utf8")).toBe(text);
    expect((await flowplane(["evidence", RUN_ID])).stdout).toBe(text);
    await faked.unplug();

    const broken = await flowplane(["replay", "--file", file, "--json"]);
    // It holds no header, so nothing can be repeated; what matters here is that it was read.
    expect(JSON.parse(broken.stdout)).toMatchObject({ run_id: RUN_ID, equal: null });
    await writeFile(file, "hello\n");
    const none = await flowplane(["replay", "--file", file]);
    expect([none.code, none.stderr]).toEqual([2, expect.stringMatching(/This is no file of evidence/)]);
    expect((await flowplane(["replay", RUN_ID, "--file", file])).code).toBe(2);
  });

  function evidence(): string {
    const lines = encodeLines([
      { seq: 1, atMs: 0, stream: "stdout", bytes: Buffer.from("hi"), partial: false },
    ]);
    const sha256 = createHash("sha256").update(lines).digest("hex");
    const entry = { type: "segment", segment: 1, first_seq: 1, last_seq: 1, sha256 };
    const chunk = Buffer.from(chunkBytes(RUN_ID, 1, null, [JSON.stringify(entry)])).toString();
    const body = zstdCompressSync(lines).toString("base64");
    return `${evidenceFileHead(RUN_ID)}\n${chunk}${evidenceFileSegment(1, body)}\n`;
  }
});

describe("heartbeat", () => {
  test("appends a line to the run's file, and says what to do outside of a run", async () => {
    const file = join(faked.home.folder, "beats");
    const env = { FLOWPLANE_HEARTBEAT_FILE: file };
    await flowplane(["heartbeat"], env);
    await flowplane(["heartbeat", "--progress", "41.5"], env);
    expect(await readFile(file, "utf8")).toBe("\n41.5\n");
    const outside = await flowplane(["heartbeat"]);
    expect([outside.code, outside.stderr]).toEqual([2, expect.stringMatching(/This is no run/)]);
    expect((await flowplane(["heartbeat", "--progress", "far"], env)).code).toBe(2);
  });
});

describe("without a control plane", () => {
  test("this machine's agent is asked, also when --local says so, and a dead one is told as such", async () => {
    const data = join(faked.home.folder, "data");
    const env = { FLOWPLANE_DATA: data, FLOWPLANE_API_KEY: "", FLOWPLANE_URL: "" };
    const early = await flowplane(["ps"], env);
    expect([early.code, early.stderr]).toEqual([3, expect.stringMatching(/flowplane agent run/)]);
    const forced = await flowplane(["ps", "--local"], env);
    expect([forced.code, forced.stderr]).toEqual([3, expect.stringMatching(/No agent runs on this machine/)]);

    const agent = faked.home.start(["agent", "run"], env);
    await agent.seen("agent started");
    const run = await flowplane(["run", "--", "sh", "-c", "echo hello; exit 3"], env);
    expect([run.code, run.stdout]).toEqual([3, "hello\n"]);
    const [ps, local] = await Promise.all([
      flowplane(["ps", "--json"], env),
      flowplane(["ps", "--local", "--json"], env),
    ]);
    expect(JSON.parse(ps.stdout)).toMatchObject([{ state: "FAILED", exit_code: 3, origin: "local" }]);
    expect(JSON.parse(local.stdout)).toHaveLength(1);
    expect((await flowplane(["incidents"], env)).stdout).toBe("No incidents.\n");
    expect((await flowplane(["top"], env)).stdout).toBe("No active runs.\n");
    const jobs = await flowplane(["secrets"], env);
    expect([jobs.code, jobs.stderr]).toEqual([3, expect.stringMatching(/kept by a control plane/)]);
    const both = await flowplane(["ps", "--local", "--url", "http://x"], env);
    expect(both.code).toBe(2);

    agent.child.kill("SIGKILL");
    await agent.finished;
    const dead = await flowplane(["ps"], env);
    expect([dead.code, dead.stderr]).toEqual([
      3,
      expect.stringMatching(/does not run\.\n.*flowplane agent run/),
    ]);
  });
});
