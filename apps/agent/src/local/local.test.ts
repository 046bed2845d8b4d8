import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { api, createClient, followEvents } from "@flowplane/contract";
import type { Client, ClientOptions, LogLine, ReplayResult, Run } from "@flowplane/contract";
import { expect, test } from "vitest";
import { eventually, makeFolder, showErrors } from "../../test/harness.ts";
import { agentStatus } from "../index.ts";
import { SpoolDatabase } from "../spool/database.ts";
import { findSocketPath, lightFetch } from "./client.ts";
import { BODY_BYTES_MAX } from "./request.ts";

test("a run is launched, followed and ends over the socket, with no control plane", async () => {
  await using agent = await startAlone();
  const { client } = agent;
  const created = await client.runCreate({
    body: {
      command: "sh",
      args: ["-c", "echo hello; echo trouble >&2; printf end; exit 3"],
      env: { A: "1" },
    },
  });
  expect(created).toMatchObject({
    name: "sh",
    origin: "local",
    agent_id: "local",
    env_names: ["A"],
    attempt: 1,
    ended_at: null,
  });
  const { lines, end } = await follow(agent.options, created.id);
  expect(lines.map(({ seq }) => seq)).toEqual([1, 2, 3]);
  expect(
    lines.filter(({ stream }) => stream === "stdout").map(({ text, partial }) => [text, partial]),
  ).toEqual([
    ["hello", false],
    ["end", true],
  ]);
  expect(end).toEqual({ state: "FAILED", exit_code: 3 });

  const run = await client.runRead({ params: { run_id: created.id } });
  expect(run).toMatchObject({
    state: "FAILED",
    exit_code: 3,
    waiting: null,
    log: { lines: 3, complete: true },
  });
  expect(run.sentence).toMatch(/^Failed with exit code 3 after \d+ s, \d+ s ago\.$/);
  expect(run.created_by.name).not.toBe("");
  const { items: events } = await client.runEvents({ params: { run_id: run.id } });
  expect(events.map(({ title }) => title.replace(/\d+/, "N"))).toEqual([
    "Created",
    "Starting",
    "Running as process N",
    "Failed with exit code N",
  ]);
  const found = await client.runLogSearch({ params: { run_id: run.id }, query: { q: "TROUBLE" } });
  expect(found.seqs).toHaveLength(1);
  const download = (query: string) =>
    agent.fetch(`http://agent/api/v1/runs/${run.id}/logs/download?${query}`).then((answer) => answer.text());
  expect(await download("format=raw&stream=stdout")).toBe("hello\nend");
  expect((await download("format=jsonl")).trim().split("\n")).toHaveLength(3);
});

test("of a run that never ends the oldest lines expire here, and every reader says so", async () => {
  await using agent = await startAlone();
  const { client, dataDir } = agent;
  const script = ["go", "end"].map(
    (file) => `echo before ${file}; while [ ! -e ${file} ]; do sleep 0.02; done`,
  );
  const { id } = await client.runCreate({
    body: { command: "sh", args: ["-c", script.join(";")], cwd: dataDir },
  });
  const params = { run_id: id };
  using db = new SpoolDatabase(join(dataDir, "spool.db"));
  const segments = () => db.all("SELECT segment_seq FROM segments WHERE run_id = ?", id).length;
  await eventually(() => segments() === 1);
  writeFileSync(join(dataDir, "go"), "");
  await eventually(() => segments() === 2);
  db.run("UPDATE segments SET last_at = ? WHERE segment_seq = 1", Date.UTC(2026, 4, 3));
  const sentence = "Lines before 2 (until 3 May 2026) have expired.";
  const run = await until(client, id, ({ log }) => log.first_seq > 1);
  expect(run.log).toMatchObject({
    lines: 2,
    first_seq: 2,
    expired_until: "2026-05-03T00:00:00.000Z",
    sentence,
  });
  const page = await client.runLogs({ params, query: {} });
  expect([page.items.map(({ text }) => text), page.first_seq]).toEqual([["before end"], 2]);
  const download = (query: string) =>
    agent.fetch(`http://agent/api/v1/runs/${id}/logs/download?${query}`).then((answer) => answer.text());
  expect(await download("format=raw")).toBe("before end\n");
  expect((await download("")).split("\n")).toEqual([
    `# ${sentence}`,
    expect.stringMatching(/ stdout before end$/),
    "",
  ]);
  const replayed = await client.runReplay({ params, body: {} });
  expect(replayed).toMatchObject({ equal: null, intact: true, decisions: [] });
  expect(replayed.sentence).toContain("lines before 2 (until 3 May 2026) have expired");
  writeFileSync(join(dataDir, "end"), "");
  const { lines } = await follow(agent.options, id);
  expect(lines.map(({ seq, text }) => [seq, text])).toEqual([[2, "before end"]]);
});

test("lists are paged and filtered, and what is not there is said as the control plane says it", async () => {
  await using agent = await startAlone();
  const { client } = agent;
  const ids: string[] = [];
  for (const name of ["one", "two", "three"])
    ids.unshift((await client.runCreate({ body: { name, command: "true" } })).id);
  await ended(client, ids[2] ?? "");
  const first = await client.runList({ query: { limit: 2 } });
  const second = await client.runList({ query: { limit: 2, cursor: first.next_cursor ?? "" } });
  expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(ids);
  expect(second.next_cursor).toBeNull();
  expect((await client.runList({ query: { q: "TWO" } })).items.map(({ name }) => name)).toEqual(["two"]);
  expect((await client.runList({ query: { state: "LOST" } })).items).toEqual([]);
  expect((await client.incidentList({})).items).toEqual([]);

  const { body: problem, status } = await ask(agent, "GET", "/api/v1/runs/nope");
  expect([status, problem]).toEqual([
    404,
    expect.objectContaining({ code: "not_found", instance: "/api/v1/runs/nope" }),
  ]);
  const jobs = await ask(agent, "GET", "/api/v1/jobs");
  expect([jobs.status, jobs.body.detail]).toEqual([503, expect.stringMatching(/kept by a control plane/)]);
});

test("stop, kill and restart do what they do for a control plane", async () => {
  await using agent = await startAlone();
  const { client } = agent;
  const start = async () => (await client.runCreate({ body: { command: "sleep", args: ["1000"] } })).id;
  const [stopped, killed] = [await start(), await start()];
  for (const id of [stopped, killed]) await reached(client, id, "RUNNING");
  const answer = await client.runStop({ params: { run_id: stopped }, body: { reason: "enough" } });
  expect(answer).toMatchObject({ status: "stop_requested", run_id: stopped });
  await client.runKill({ params: { run_id: killed }, body: { reason: "now" } });
  const run = await ended(client, stopped);
  expect(run).toMatchObject({ state: "STOPPED", signal: "SIGTERM", stop: { reason: "enough" } });
  expect(run.sentence).toMatch(/^Stopped by .+ after .+: .*enough\.$/);
  expect(await ended(client, killed)).toMatchObject({ state: "STOPPED", signal: "SIGKILL" });
  const again = client.runStop({ params: { run_id: stopped }, body: { reason: "once more" } });
  await expect(again).rejects.toMatchObject({ problem: { code: "conflict", status: 409 } });

  const fresh = await client.runRestart({ params: { run_id: stopped }, body: { reason: "try again" } });
  expect(fresh).toMatchObject({ command: "sleep", args: ["1000"], retry_of: stopped });
  const early = client.runRestart({ params: { run_id: fresh.id }, body: { reason: "too early" } });
  await expect(early).rejects.toMatchObject({ problem: { code: "conflict" } });
  await client.runKill({ params: { run_id: fresh.id }, body: { reason: "done" } });
  await ended(client, fresh.id);
});

test("a run is paused and goes on, and both are on its timeline", async () => {
  await using agent = await startAlone();
  const { client } = agent;
  const { id } = await client.runCreate({ body: { command: "sleep", args: ["1000"] } });
  await reached(client, id, "RUNNING");
  const params = { run_id: id };
  const frozen = await client.runFreeze({ params, body: { reason: "a look around" } });
  expect(frozen.frozen_since).not.toBeNull();
  await agent.kill();
  await agent.start();
  expect((await client.runRead({ params })).frozen_since).toBe(frozen.frozen_since);
  expect((await client.runResume({ params, body: { reason: "seen" } })).frozen_since).toBeNull();
  const { items } = await client.runEvents({ params });
  expect(
    items.filter(({ type }) => type === "run.frozen").map(({ title, reason }) => [title, reason]),
  ).toEqual([
    ["Paused", "a look around"],
    ["Resumed", "seen"],
  ]);
  await client.runKill({ params, body: { reason: "done" } });
  await ended(client, id);
  const late = client.runFreeze({ params, body: { reason: "too late" } });
  await expect(late).rejects.toMatchObject({ problem: { code: "conflict" } });
});

test("trouble is found, acted upon and proven again on this host alone", { timeout: 120_000 }, async () => {
  await using agent = await startAlone();
  const { client } = agent;
  const script =
    "i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo step $i; done; while :; do echo ERROR cannot write: no space left; sleep 0.1; done";
  const { id } = await client.runCreate({
    body: {
      command: "sh",
      args: ["-c", script],
      policy_document: {
        mode: "enforce",
        warm_up_ms: 0,
        actions: { loop: [{ do: "stop" }], retry_storm: [{ do: "stop" }] },
      },
    },
  });
  const measured = await until(client, id, (each) => each.usage !== null, 60_000);
  expect(measured.usage?.memory_bytes).toBeGreaterThan(0);
  expect(measured.usage?.processes).toBeGreaterThan(0);
  const run = await until(client, id, (each) => each.ended_at !== null, 60_000);
  expect(run).toMatchObject({ usage: null });
  expect(run).toMatchObject({ state: "STOPPED", incidents: { total: 1 }, intervention: { action: "stop" } });
  const { items } = await client.incidentList({});
  expect(items).toMatchObject([{ run_id: id, interventions: [{ action: "stop", outcome: "done" }] }]);
  const incident = await client.incidentRead({ params: { incident_id: items[0]?.id ?? "" } });
  expect(incident.lines.some(({ text }) => text.includes("no space left"))).toBe(true);
  expect(incident.evidence.families.length).toBeGreaterThan(0);

  const params = { run_id: id };
  const replayed = async (body = {}) => client.runReplay({ params, body });
  // The last chunk is closed a moment after the end.
  const result = await eventuallyEqual(replayed);
  expect(result).toMatchObject({ equal: true, intact: true, problem: null });
  const other = await replayed({ policy_document: {} });
  expect(other).toMatchObject({ equal: null, intact: true });
  const file = await (await agent.fetch(`http://agent/api/v1/runs/${id}/evidence/download`)).text();
  expect(file.split("\n")[0]).toContain("flowplane-evidence-file/1");
  const samples = await client.runSamples({ params, query: {} });
  expect(samples.items[0]).toMatchObject({ processes: expect.any(Number) as number });
});

test("a repeated request launches nothing twice, and two clients at once each get their own", async () => {
  await using agent = await startAlone();
  const other = createClient(agent.options);
  const body = { command: "true" };
  const create = (client: Client, idempotencyKey: string) => client.runCreate({ body }, { idempotencyKey });
  const [a, b, again] = await Promise.all([
    create(agent.client, "a"),
    create(other, "b"),
    create(agent.client, "a"),
  ]);
  expect(again.id).toBe(a.id);
  expect(b.id).not.toBe(a.id);
  const otherBody = agent.client.runCreate({ body: { command: "false" } }, { idempotencyKey: "a" });
  await expect(otherBody).rejects.toMatchObject({ problem: { code: "idempotency_mismatch" } });
  expect((await agent.client.runList({})).items).toHaveLength(2);
});

test("broken, huge and foreign requests are each answered with one sentence, and the agent goes on", async () => {
  await using agent = await startAlone();
  const check = async (
    [method, path, body, headers]: [string, string, (string | undefined)?, Record<string, string>?],
    [status, code, detail]: [number, string, RegExp],
  ) => {
    const answer = await ask(agent, method, path, body, headers);
    expect([answer.status, answer.body]).toEqual([
      status,
      expect.objectContaining({ code, detail: expect.stringMatching(detail) }),
    ]);
  };
  const runs = "/api/v1/runs";
  await check(["POST", runs, "{"], [400, "invalid_input", /no JSON/]);
  await check(["POST", runs, "{}"], [400, "invalid_input", /^The body is not valid: \/command: /]);
  await check(["POST", runs], [400, "invalid_input", /^The body is not valid/]);
  await check(
    ["POST", runs, "{}", { "content-type": "text/plain" }],
    [415, "unsupported_media_type", /application\/json/],
  );
  await check(
    ["POST", runs, JSON.stringify({ command: "x".repeat(BODY_BYTES_MAX) })],
    [413, "too_large", /larger/],
  );
  await check(
    ["POST", runs, '{"command":"a","agent_id":"b"}'],
    [400, "invalid_input", /agent_id: this is the agent/],
  );
  await check(
    ["POST", runs, JSON.stringify({ command: "a", args: ["x".repeat(200_000)] })],
    [400, "invalid_input", /put large input into a file/],
  );
  await check(
    ["GET", `${runs}?limit=many`],
    [400, "invalid_input", /^The query is not valid: query\/limit: /],
  );
  await check(["GET", `${runs}?cursor=%00`], [400, "invalid_input", /cursor/]);
  await check(["GET", `${runs}/%ff`], [400, "invalid_input", /decoded/]);
  await check(["GET", "/"], [404, "not_found", /nothing at GET \//]);
  await check(["PATCH", runs], [404, "not_found", /nothing at PATCH/]);
  await check(
    ["GET", runs, undefined, { origin: "https://example.org" }],
    [404, "not_found", /not browsers/],
  );
  // Cut off in the middle, and no HTTP at all.
  for (const bytes of ["POST /api/v1/runs HTTP/1.1\r\ncontent-length: 9999\r\n\r\n{", "\0\0\0\r\n\r\n"]) {
    const socket = connect(agent.socket);
    socket.on("error", () => undefined);
    await once(socket, "connect");
    socket.end(bytes);
    socket.resume();
    await once(socket, "close");
  }
  expect((await agent.client.runList({})).items).toEqual([]);
});

test("only its owner reaches the socket, a dead agent's is taken over, and a living one's never", async () => {
  await using agent = await startAlone();
  expect(statSync(agent.socket).mode & 0o777).toBe(0o600);
  expect(statSync(agent.dataDir).mode & 0o777).toBe(0o700);
  await agent.kill();
  expect(existsSync(agent.socket)).toBe(true);
  await agent.start();
  expect((await agent.client.runList({})).items).toEqual([]);
  await agent.stop();
  expect(existsSync(agent.socket)).toBe(false);

  const other = createServer().listen(agent.socket);
  await once(other, "listening");
  agent.spawn();
  const isBad = ({ name, healthy }: { name: string; healthy: boolean }) => name === "local" && !healthy;
  await eventually(() => agentStatus(agent.dataDir).health.find(isBad), 15_000);
  other.close();
});

test("a folder whose path is too long for a socket has its socket elsewhere, and says where", async () => {
  using parent = makeFolder();
  const dataDir = join(parent.path, "a".repeat(60), "b".repeat(60));
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  await using agent = await startAlone(dataDir);
  expect(Buffer.byteLength(agent.socket)).toBeLessThan(108);
  expect(agent.socket.startsWith(dataDir)).toBe(false);
  expect((await agent.client.runList({})).items).toEqual([]);
  await agent.stop();
  expect(existsSync(join(dataDir, "agent.sock.path"))).toBe(false);
});

test("an agent killed with -9 under a local run takes it up again, and no line is lost", async () => {
  await using agent = await startAlone();
  const script = "i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; sleep 0.01; done; exit 7";
  const { id } = await agent.client.runCreate({ body: { command: "sh", args: ["-c", script] } });
  for (let i = 0; i < 2; i += 1) {
    await reached(agent.client, id, "RUNNING");
    await agent.kill();
    await agent.start();
  }
  expect(await ended(agent.client, id)).toMatchObject({ state: "FAILED", exit_code: 7 });
  const { lines } = await follow(agent.options, id);
  expect(lines.map(({ text }) => text)).toEqual(Array.from({ length: 200 }, (_, i) => `line ${i + 1}`));
});

test("a reader that comes back goes on after the last line it saw", async () => {
  await using agent = await startAlone();
  const script = "for i in 1 2 3 4 5; do echo $i; done; while [ ! -e go ]; do sleep 0.02; done; echo 6";
  const { id } = await agent.client.runCreate({
    body: { command: "sh", args: ["-c", script], cwd: agent.dataDir },
  });
  const following = follow(agent.options, id, "3");
  await eventually(() => existsSync(join(agent.dataDir, "runs", id, "pid")));
  writeFileSync(join(agent.dataDir, "go"), "");
  const { lines, end } = await following;
  expect(lines.map(({ text }) => text)).toEqual(["4", "5", "6"]);
  expect(end).toEqual({ state: "SUCCEEDED", exit_code: 0 });
});

/** An agent in a process of its own that belongs to no control plane. */
async function startAlone(givenDir?: string) {
  const folder = givenDir === undefined ? makeFolder() : null;
  const dataDir = givenDir ?? folder?.path ?? "";
  let child: ChildProcess | null = null;
  const script = join(import.meta.dirname, "..", "..", "test", "agent-process.ts");
  const agent = {
    dataDir,
    get socket() {
      return findSocketPath(dataDir);
    },
    /** Follows the socket, which may move. */
    fetch: ((input, init) => lightFetch(findSocketPath(dataDir))(input, init)) as typeof globalThis.fetch,
    spawn() {
      child = spawn(process.execPath, [script, dataDir], { stdio: ["ignore", "ignore", "pipe"] });
      showErrors(child);
    },
    async start() {
      agent.spawn();
      const answers = () =>
        agent.fetch("http://agent/api/v1/runs").then(
          (answer) => answer.ok,
          () => false,
        );
      for (const until = Date.now() + 15_000; !(await answers());)
        if (Date.now() > until) throw new Error("the agent does not answer on its socket");
    },
    async end(signal: NodeJS.Signals) {
      if (child === null || child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    },
    kill: () => agent.end("SIGKILL"),
    stop: () => agent.end("SIGTERM"),
    options: {} as ClientOptions,
    client: {} as Client,
    async [Symbol.asyncDispose]() {
      await agent.end("SIGTERM");
      folder?.[Symbol.dispose]();
    },
  };
  agent.options = { origin: "http://agent", fetch: agent.fetch };
  agent.client = createClient(agent.options);
  await agent.start();
  return agent;
}

type Agent = Awaited<ReturnType<typeof startAlone>>;

async function ask(
  agent: Agent,
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
) {
  const answer = await agent.fetch(`http://agent${path}`, {
    method,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, body: (await answer.json()) as { code: string; detail: string } };
}

async function follow(options: ClientOptions, runId: string, lastEventId = "") {
  const lines: LogLine[] = [];
  const stop = new AbortController();
  const input = { params: { run_id: runId } };
  for await (const event of followEvents(options, api.runLogStream, input, {
    signal: stop.signal,
    lastEventId,
  })) {
    if (event.event === "lines") lines.push(...(JSON.parse(event.data) as { items: LogLine[] }).items);
    if (event.event === "end") {
      stop.abort();
      return { lines, end: JSON.parse(event.data) as unknown };
    }
  }
  throw new Error("the stream ended without its last event");
}

async function reached(client: Client, runId: string, state: Run["state"]): Promise<Run> {
  return until(client, runId, (run) => run.state === state);
}

async function ended(client: Client, runId: string): Promise<Run> {
  return until(client, runId, (run) => run.ended_at !== null);
}

async function eventuallyEqual(read: () => Promise<ReplayResult>): Promise<ReplayResult> {
  for (const limit = Date.now() + 20_000; ;) {
    const result = await read();
    if (result.equal === true || Date.now() > limit) return result;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function until(
  client: Client,
  runId: string,
  isIt: (run: Run) => boolean,
  limitMs = 20_000,
): Promise<Run> {
  for (const limit = Date.now() + limitMs; ;) {
    const run = await client.runRead({ params: { run_id: runId } });
    if (isIt(run)) return run;
    if (Date.now() > limit) throw new Error(`in vain: ${JSON.stringify(run)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
