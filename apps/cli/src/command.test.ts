import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  AGENT_ID,
  ANSWERED,
  page,
  refuse,
  RUN_ID,
  someAgent,
  someLine,
  someRun,
  streamEvents,
} from "./testing/fake-control-plane.ts";
import { Faked } from "./testing/faked.ts";

// The real command as a process of its own, against a control plane that answers what the test says.

const faked = new Faked();
const { serve, flowplane } = faked;

const RUN = `/api/v1/runs/${RUN_ID}`;

describe("run", () => {
  const ended = someRun();

  test("streams both streams byte for byte and exits with the run's exit code", async () => {
    const bytes = Buffer.from([0xff, 0x00, 0x1b, 0x0a]);
    const { seen } = await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED", exit_code: null }),
      [`GET ${RUN}/logs/stream`]: (_, response) =>
        streamEvents(response, [
          { event: "lines", id: "1", data: { items: [someLine(1, "line 1")] } },
          {
            event: "lines",
            id: "2",
            data: { items: [someLine(1, "line 1"), someLine(2, "oops", { stream: "stderr" })] },
          },
          {
            event: "lines",
            id: "3",
            data: { items: [someLine(3, "\ufffd", { base64: bytes.toString("base64"), partial: true })] },
          },
          { event: "end", data: { state: "FAILED", exit_code: 3 } },
        ]),
      [`GET ${RUN}`]: () => ended,
    });
    const { code, stdoutBytes, stderr } = await flowplane([
      "run",
      "--name",
      "demo",
      "--env",
      "A=b=c",
      "--max-runtime",
      "2m",
      "--",
      "sh",
      "-c",
      "exit 3",
      "--json",
    ]);
    expect(stdoutBytes).toEqual(Buffer.concat([Buffer.from("line 1\n"), bytes]));
    expect(stderr).toBe("oops\n");
    expect(code).toBe(3);
    const create = seen[0];
    expect(create?.body).toEqual({
      command: "sh",
      args: ["-c", "exit 3", "--json"],
      name: "demo",
      env: { A: "b=c" },
      max_runtime_ms: 120_000,
    });
    expect(create?.headers["idempotency-key"]).toMatch(/^[0-9a-f-]{36}$/);
    expect(create?.headers.authorization).toBe("Bearer fpk_test");
  });

  test("finds the agent by its name and gives its id", async () => {
    const { seen } = await serve({
      "GET /api/v1/agents": () => page([someAgent({ name: "local-2", id: RUN_ID }), someAgent()]),
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
    });
    const { code, stdout } = await flowplane(["run", "--detach", "--agent", "local", "true"]);
    expect([code, stdout]).toEqual([0, `${RUN_ID}\n`]);
    expect(seen.at(-1)?.body).toMatchObject({ agent_id: AGENT_ID });
  });

  test("Ctrl-C asks to stop the run and waits for its end", async () => {
    let end = () => {};
    const control = await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
      [`GET ${RUN}/logs/stream`]: (_, response) => {
        streamEvents(
          response,
          [{ event: "lines", id: "1", data: { items: [someLine(1, "started")] } }],
          false,
        );
        end = () => void response.end('event: end\ndata: {"state":"STOPPED","exit_code":null}\n\n');
        return ANSWERED;
      },
      [`POST ${RUN}/stop`]: () => {
        end();
        return {
          status: "stop_requested",
          run_id: RUN_ID,
          lifecycle: "STOPPING",
          requested_at: ended.created_at,
        };
      },
      [`GET ${RUN}`]: () => someRun({ state: "STOPPED", exit_code: null, signal: "SIGTERM" }),
    });
    const { child, seen, finished } = faked.home.start(["run", "sleep", "60"], {
      FLOWPLANE_URL: control.origin,
    });
    await seen("started");
    child.kill("SIGINT");
    const stop = await control.waitFor(`POST ${RUN}/stop`);
    expect(stop.body).toEqual({ reason: expect.stringMatching(/^Ctrl-C in `flowplane run` by .+ on .+/) });
    const { code, stderr } = await finished;
    expect(code).toBe(143);
    expect(stderr).toContain("Stopping sh (9de33319)");
  });

  test("a second Ctrl-C leaves the run alone", async () => {
    const control = await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
      [`GET ${RUN}/logs/stream`]: (_, response) =>
        streamEvents(
          response,
          [{ event: "lines", id: "1", data: { items: [someLine(1, "started")] } }],
          false,
        ),
      [`POST ${RUN}/stop`]: () => ({ status: "stop_requested", run_id: RUN_ID, lifecycle: "STOPPING" }),
    });
    const { child, seen, finished } = faked.home.start(["run", "sleep", "60"], {
      FLOWPLANE_URL: control.origin,
    });
    await seen("started");
    child.kill("SIGINT");
    await seen("Stopping");
    child.kill("SIGINT");
    const { code, stderr } = await finished;
    expect(code).toBe(130);
    expect(stderr).toContain("flowplane logs -f 9de33319");
  });

  test("a run that never started says why, and exits with 125", async () => {
    await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
      [`GET ${RUN}/logs/stream`]: (_, response) =>
        streamEvents(response, [{ event: "end", data: { state: "FAILED", exit_code: null } }]),
      [`GET ${RUN}`]: () => someRun({ exit_code: null, reason: "/no/such/file: there is no such file." }),
    });
    const { code, stderr } = await flowplane(["run", "/no/such/file"]);
    expect([code, stderr]).toEqual([125, "flowplane: /no/such/file: there is no such file.\n"]);
  });

  test("a stream that breaks is resumed without repeating a line", async () => {
    const resumed: unknown[] = [];
    await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
      [`GET ${RUN}/logs/stream`]: ({ headers }, response) => {
        resumed.push(headers["last-event-id"]);
        if (resumed.length > 1) {
          return streamEvents(response, [
            { event: "lines", id: "2", data: { items: [someLine(1, "a"), someLine(2, "b")] } },
            { event: "end", data: { state: "SUCCEEDED", exit_code: 0 } },
          ]);
        }
        response.writeHead(200, { "content-type": "text/event-stream" });
        const data = JSON.stringify({ items: [someLine(1, "a")] });
        response.write(`retry: 1\nid: 1\nevent: lines\ndata: ${data}\n\n`, () => response.destroy());
        return ANSWERED;
      },
      [`GET ${RUN}`]: () => someRun({ state: "SUCCEEDED", exit_code: 0 }),
    });
    const { code, stdout } = await flowplane(["run", "true"]);
    expect([code, stdout, resumed]).toEqual([0, "a\nb\n", [undefined, "1"]]);
  });

  test("--json prints each line and then the run as JSON Lines", async () => {
    await serve({
      "POST /api/v1/runs": () => someRun({ state: "QUEUED" }),
      [`GET ${RUN}/logs/stream`]: (_, response) =>
        streamEvents(response, [
          { event: "lines", id: "1", data: { items: [someLine(1, "a")] } },
          { event: "end", data: { state: "FAILED", exit_code: 3 } },
        ]),
      [`GET ${RUN}`]: () => ended,
    });
    const { code, stdout } = await flowplane(["run", "--json", "true"]);
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(lines).toEqual([someLine(1, "a"), ended]);
    expect(code).toBe(3);
  });
});

describe("ps", () => {
  test("prints a table without colours or cuts when piped", async () => {
    const long = "x".repeat(200);
    await serve({ "GET /api/v1/runs": () => page([someRun({ name: long })]) });
    const { code, stdout } = await flowplane(["ps"]);
    expect(code).toBe(0);
    const [titles, row] = stdout.split("\n");
    expect(titles).toMatch(/^RUN +STATE +EXIT +AGENT +CREATED +TOOK +NAME +COMMAND$/);
    expect(row).toMatch(new RegExp(`^9de33319  FAILED  3     local  .+ ago +3.0s  ${long}  sh -c 'exit 3'$`));
  });

  test("--json prints the API's objects", async () => {
    await serve({ "GET /api/v1/runs": () => page([someRun()]) });
    expect(JSON.parse((await flowplane(["ps", "--json"])).stdout)).toEqual([someRun()]);
  });

  test("shows every active run, also those older than the last 20", async () => {
    const old = someRun({ id: AGENT_ID, state: "RUNNING", exit_code: null, ended_at: null });
    await serve({
      "GET /api/v1/runs": ({ query }) => page(query["active"] === "true" ? [old] : [someRun()]),
    });
    const runs = JSON.parse((await flowplane(["ps", "--json"])).stdout) as { id: string }[];
    expect(runs.map(({ id }) => id)).toEqual([RUN_ID, AGENT_ID]);
  });

  test("--all reads every page", async () => {
    const { seen } = await serve({
      "GET /api/v1/runs": ({ query }) =>
        query["cursor"] === undefined ? page([someRun()], "next") : page([someRun({ id: AGENT_ID })]),
    });
    const runs = JSON.parse((await flowplane(["ps", "--all", "--json"])).stdout) as { id: string }[];
    expect(runs.map(({ id }) => id)).toEqual([RUN_ID, AGENT_ID]);
    expect(seen.map(({ query }) => query["cursor"])).toEqual([undefined, "next"]);
  });

  test("colours can be forced, and NO_COLOR wins", async () => {
    await serve({ "GET /api/v1/runs": () => page([someRun()]) });
    expect((await flowplane(["ps"], { FORCE_COLOR: "1" })).stdout).toContain("\u001b[31mFAILED\u001b[39m");
    expect((await flowplane(["ps"], { FORCE_COLOR: "1", NO_COLOR: "1" })).stdout).not.toContain("\u001b");
  });
});

describe("naming a run", () => {
  const other = someRun({ id: "019b8d7a-2da8-7657-b52d-000000000000" });
  const routes = {
    "GET /api/v1/runs": () => page([someRun(), other]),
    [`GET ${RUN}/events`]: () => page([]),
    [`GET ${RUN}`]: () => someRun(),
  };

  test.each([
    RUN_ID,
    RUN_ID.toUpperCase(),
    "9de33319",
    "019b8d7a-2da8-7657-b52d-4",
    "019b8d7a2da87657b52d4",
    "-",
    "@last",
  ])("%s is found", async (wanted) => {
    const { seen } = await serve(routes);
    expect((await flowplane(["events", "--", wanted])).code).toBe(0);
    expect(seen.at(-1)?.path).toBe(`${RUN}/events`);
  });

  test("what several runs match is refused with their names", async () => {
    await serve(routes);
    const { code, stderr } = await flowplane(["events", "019b"]);
    expect(code).toBe(6);
    expect(stderr).toContain('"019b" matches 2 runs: 9de33319 (sh), 00000000 (sh).');
  });

  test("what no run matches is not found", async () => {
    await serve(routes);
    const { code, stderr } = await flowplane(["events", "ffffffff"]);
    expect(code).toBe(5);
    expect(stderr).toContain('There is no run "ffffffff".');
  });
});

describe("logs", () => {
  test("prints all pages, and --tail only the end", async () => {
    const lines = [someLine(1, "a"), someLine(2, "b", { stream: "stderr" }), someLine(3, "c")];
    const { seen } = await serve({
      [`GET ${RUN}`]: () => someRun(),
      [`GET ${RUN}/logs`]: ({ query }) => {
        const from = Number(query["from_seq"] ?? 1);
        const items = lines.filter(({ seq }) => seq >= from).slice(0, 2);
        const next = from + items.length;
        return { items, next_seq: next > 3 ? null : next, last_seq: 3 };
      },
    });
    const all = await flowplane(["logs", RUN_ID]);
    expect([all.stdout, all.stderr, all.code]).toEqual(["a\nc\n", "b\n", 0]);
    const tail = await flowplane(["logs", "--tail", "1", "--timestamps", RUN_ID]);
    expect(tail.stdout).toBe("2026-01-02T03:04:05.678Z c\n");
    expect(seen.at(-1)?.query["from_seq"]).toBe("3");
  });

  test("what has expired is said beside the log, and only to those who asked for it", async () => {
    const sentence = "Lines before 2 (until 3 May 2026) have expired.";
    const { log } = someRun();
    await serve({
      [`GET ${RUN}`]: () => someRun({ log: { ...log, first_seq: 2, sentence } }),
      [`GET ${RUN}/logs`]: () => ({ items: [someLine(2, "b")], next_seq: null, last_seq: 2, first_seq: 2 }),
    });
    const all = await flowplane(["logs", RUN_ID]);
    expect([all.stdout, all.stderr]).toEqual(["b\n", `flowplane: ${sentence}\n`]);
    const later = await flowplane(["logs", "--from", "2", RUN_ID]);
    expect([later.stdout, later.stderr]).toEqual(["b\n", ""]);
  });

  test("--follow ends with the run's exit code", async () => {
    await serve({
      [`GET ${RUN}`]: () => someRun(),
      [`GET ${RUN}/logs/stream`]: (_, response) =>
        streamEvents(response, [
          {
            event: "lines",
            id: "2",
            data: { items: [someLine(1, "a"), someLine(2, "b", { stream: "stderr" })] },
          },
          { event: "end", data: { state: "FAILED", exit_code: 3 } },
        ]),
    });
    const { code, stdout, stderr } = await flowplane(["logs", "-f", "--stream", "stdout", RUN_ID]);
    expect([code, stdout, stderr]).toEqual([3, "a\n", ""]);
  });
});

describe("errors", () => {
  test("nobody there: 3, and how to start one", async () => {
    const { code, stderr } = await flowplane(["ps"]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^flowplane: No answer from http:\/\/127\.0\.0\.1:9\. .*npm start/);
  });

  test("no key and nobody there: 3; no key and somebody there: 4", async () => {
    const nobody = await faked.home.run(["ps"], {
      FLOWPLANE_API_KEY: "",
      FLOWPLANE_URL: "http://127.0.0.1:9",
    });
    expect([nobody.code, nobody.stderr.split("\n")[0]]).toEqual([
      3,
      "flowplane: There is no control plane at http://127.0.0.1:9.",
    ]);
    await serve({});
    const there = await flowplane(["ps"], { FLOWPLANE_API_KEY: "" });
    expect(there.code).toBe(4);
    expect(there.stderr).toContain(`flowplane login ${faked.origin}`);
  });

  test.each([
    [401, 4],
    [403, 4],
    [404, 5],
    [409, 6],
    [422, 2],
    [500, 1],
    [503, 3],
  ])("status %i ends with %i, the sentence and the request id", async (status, expected) => {
    await serve({ "GET /api/v1/runs": (_, response) => refuse(response, status, "some_code", "It is so.") });
    const { code, stdout, stderr } = await flowplane(["ps"]);
    expect([code, stdout]).toEqual([expected, ""]);
    expect(stderr).toMatch(/^flowplane: It is so\.\n/);
    expect(stderr).toContain("request req-42");
  });

  test("an answer that is none of ours is said to be unexpected", async () => {
    await serve({ "GET /api/v1/runs": (_, response) => (response.writeHead(502).end("<html>"), ANSWERED) });
    const { code, stderr } = await flowplane(["ps"]);
    expect(code).toBe(3);
    expect(stderr).toContain("Unexpected answer 502 Bad Gateway.");
  });

  test.each([
    [["nope"], "unknown command 'nope'"],
    [["agents", "nope"], "unknown command 'agents nope'"],
    [["ps", "--nope"], "unknown option '--nope'"],
    [["ps", "--limit", "0"], "It must be a whole number from 1 on."],
    [["run"], "missing required argument 'command'"],
    [["ps", "--state", "DONE"], "Allowed choices are QUEUED"],
  ])("%j is a usage error", async (args, message) => {
    const { code, stdout, stderr } = await flowplane(args);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(message);
  });

  test("text from elsewhere cannot drive the terminal", async () => {
    await serve({
      "GET /api/v1/runs": (_, response) => refuse(response, 500, "x", "bad\u001b]0;title\u0007"),
    });
    const { stderr } = await flowplane(["ps"]);
    expect(stderr).not.toContain("\u001b");
    expect(stderr).not.toContain("\u0007");
  });
});

describe("stopping", () => {
  const answer = {
    status: "stop_requested",
    run_id: RUN_ID,
    lifecycle: "STOPPING",
    requested_at: someRun().created_at,
  };

  test("stop sends its reason and grace period", async () => {
    const { seen } = await serve({ [`GET ${RUN}`]: () => someRun(), [`POST ${RUN}/stop`]: () => answer });
    const { stdout } = await flowplane(["stop", "--reason", "too slow", "--grace", "3s", RUN_ID]);
    expect(stdout).toBe("9de33319 STOPPING: asked to stop\n");
    expect(seen.at(-1)?.body).toEqual({ reason: "too slow", grace_ms: 3_000 });
  });

  test("kill --wait returns when the run has ended", async () => {
    let state: "RUNNING" | "STOPPED" = "RUNNING";
    await serve({
      [`GET ${RUN}`]: () => someRun({ state, exit_code: null, signal: "SIGKILL" }),
      [`POST ${RUN}/kill`]: () => answer,
      [`GET ${RUN}/logs/stream`]: (_, response) => {
        state = "STOPPED";
        return streamEvents(response, [{ event: "end", data: { state, exit_code: null } }]);
      },
    });
    expect((await flowplane(["kill", "--wait", RUN_ID])).stdout).toBe("9de33319 STOPPED: exit SIGKILL\n");
  });
});

test("tokens create prints the secret alone, for a shell variable", async () => {
  const { seen } = await serve({
    "POST /api/v1/enrolment-tokens": () => ({
      token: {},
      secret: "fpe_abc",
      agents_url: "https://127.0.0.1:4320",
    }),
  });
  const { stdout } = await flowplane([
    "tokens",
    "create",
    "--uses",
    "unlimited",
    "--label",
    "env=prod",
    "--expires",
    "2h",
  ]);
  expect(stdout).toBe("fpe_abc\n");
  expect(seen[0]?.body).toEqual({ uses_max: null, labels: { env: "prod" }, expires_in_seconds: 7_200 });
});

test("audit verify fails when the chain is broken", async () => {
  await serve({
    "GET /api/v1/audit-events/verify": () => ({
      intact: false,
      checked: 7,
      head: "00",
      problem: { seq: 5, what: "its content was changed" },
    }),
  });
  const { code, stdout } = await flowplane(["audit", "verify"]);
  expect([code, stdout]).toEqual([1, "Broken at event 5: its content was changed\n"]);
});

test("audit export writes a file once and never over another", async () => {
  await serve({
    "GET /api/v1/audit-events/export": (_, response) => (response.end('{"seq":1}\n{"seq":2}\n'), ANSWERED),
  });
  const file = join(faked.home.folder, "audit.jsonl");
  expect((await flowplane(["audit", "export", "-o", file])).code).toBe(0);
  expect(await readFile(file, "utf8")).toBe('{"seq":1}\n{"seq":2}\n');
  const again = await flowplane(["audit", "export", "-o", file]);
  expect([again.code, again.stderr.split("\n")[0]]).toEqual([1, `flowplane: ${file} is there already.`]);
});

test("a reader that goes away ends the command quietly", async () => {
  const rows = Array.from({ length: 200 }, (_, index) => someRun({ name: `${index} ${"x".repeat(5_000)}` }));
  await serve({ "GET /api/v1/runs": () => page(rows) });
  const { child, finished } = faked.home.start(["ps", "--json"], { FLOWPLANE_URL: faked.origin });
  child.stdout?.destroy();
  const { code, stderr } = await finished;
  expect([code, stderr]).toEqual([141, ""]);
});

describe("login", () => {
  const me = {
    actor: { type: "user", id: "u1", name: "Ada" },
    email: "ada@example.org",
    organization: { id: "o1", name: "Acme", role: "owner" },
    organizations: [],
    permissions: [],
    server: { version: "0.1.0", agents_url: "", public_url: "", smtp: false },
  };

  test("through a browser: shows the code, waits, and is signed in from then on", async () => {
    let asked = 0;
    const control = await serve({
      "POST /api/auth/device/code": () => ({
        device_code: "d1",
        user_code: "ABCD-EFGH",
        verification_uri: "/device",
        verification_uri_complete: "/device?user_code=ABCD-EFGH",
        expires_in: 60,
        interval: 0.01,
      }),
      "POST /api/auth/device/token": (_, response) => {
        asked += 1;
        if (asked > 2) return { access_token: "session-1", token_type: "Bearer" };
        response.writeHead(400, { "content-type": "application/json" });
        response.end('{"error":"authorization_pending","error_description":"not yet"}');
        return ANSWERED;
      },
      "GET /api/v1/me": () => me,
      "GET /api/v1/runs": () => page([]),
      "POST /api/auth/sign-out": () => ({ success: true }),
    });
    const noKey = { FLOWPLANE_API_KEY: "" };
    const login = await faked.home.run(["login", control.origin], noKey);
    expect(login.stderr).toContain(`${control.origin}/device?user_code=ABCD-EFGH`);
    expect(login.stderr).toContain("code ABCD-EFGH");
    expect(login.stdout).toBe(`Signed in to ${control.origin} as ada@example.org (owner of Acme).\n`);

    await faked.home.run(["ps"], noKey);
    expect(control.seen.at(-1)?.headers.authorization).toBe("Bearer session-1");

    expect((await faked.home.run(["logout"], noKey)).stdout).toBe(`Signed out of ${control.origin}.\n`);
    expect(control.seen.at(-1)?.path).toBe("/api/auth/sign-out");
    expect((await faked.home.run(["ps", "--url", control.origin], noKey)).code).toBe(4);
  });

  test("with a key from stdin; a key that is refused is not kept", async () => {
    const control = await serve({
      "GET /api/v1/me": ({ headers }, response) =>
        headers.authorization === "Bearer fpk_good"
          ? me
          : refuse(response, 401, "not_signed_in", "Not signed in."),
    });
    const noKey = { FLOWPLANE_API_KEY: "" };
    for (const [key, expected] of [
      ["fpk_bad", 4],
      ["fpk_good", 0],
    ] as const) {
      const { child, finished } = faked.home.start(["login", control.origin, "--key", "-"], noKey);
      child.stdin?.end(`${key}\n`);
      expect((await finished).code).toBe(expected);
      // Without a login it would ask whatever runs at the standard address.
      const nowhere = { ...noKey, FLOWPLANE_URL: "http://127.0.0.1:9" };
      expect((await faked.home.run(["whoami"], expected === 0 ? noKey : nowhere)).code).toBe(
        expected === 0 ? 0 : 3,
      );
    }
  });
});
