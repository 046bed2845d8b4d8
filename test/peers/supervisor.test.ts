import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, freePort } from "../harness/index.ts";
import { startOpampServer, type OpampServer, type Said } from "./opamp-server.ts";
import { startSupervisor, supervisorPrograms, type Supervisor } from "./supervisor.ts";

// What `opampsupervisor` 0.149 does with what it is offered. The control plane's judgement of a rollout stands on this, so
// it is measured here, by itself, and a newer supervisor that does otherwise shows here first.

const programs = await supervisorPrograms();
if (programs === undefined) console.log("skipped: the supervisor peer tests need Go on PATH to build one");

const LIMIT_MS = 60_000;
/** Entries may have any name: all are merged, in the order of their names. */
const ENTRY = "collector.yaml";

/** APPLIED is never said before this is over, and a Collector that is not well by then has failed: a busy machine is given time. */
const APPLY_SECONDS = 10;
/** Lets a Collector start without pipelines. */
const NO_PIPELINES = "service.AllowNoPipelines";

describe.skipIf(programs === undefined).concurrent("opampsupervisor", { timeout: 240_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "flowplane-crash-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function start(server: OpampServer, transport: "ws" | "http", validateConfig: boolean): Supervisor {
    if (programs === undefined) throw new Error("not built");
    return startSupervisor(programs, {
      endpoint: server.endpoint(transport),
      token: "t",
      validateConfig,
      configApplyTimeoutSeconds: APPLY_SECONDS,
    });
  }

  test("says APPLYING, and APPLIED once its time to apply has passed and the Collector is well", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const port = await freePort();

    const applied = await watch.offer(good(port), "A", "applied");
    expect(statuses(applied)).toEqual(["applying", "applied"]);
    // With APPLYING comes the configuration of before: it is no evidence. The new one follows, from the new Collector.
    const effective = applied.flatMap((said) => said.effective?.[""] ?? []);
    const applying = applied.find(({ status }) => status?.status === "applying");
    expect(applying?.effective?.[""] ?? "").not.toContain(String(port));
    expect(effective.at(-1)).toContain(String(port));
    // In between it says that it is not healthy, which means nothing until the verdict.
    expect(applied.some(({ health }) => health?.healthy === false)).toBe(true);
    expect(applied.findLast(({ health }) => health)?.health).toMatchObject({
      healthy: true,
      status: "StatusOK",
    });

    // Another text that does the same: the Collector goes on, and the verdict comes at once.
    const same = await watch.offer(`# moved\n${good(port)}`, "A, moved", "applied");
    expect(statuses(same)).toEqual(["applied"]);
  });

  // At its start it asks `collector featuregate` which gates there are, and reads the answer while another goroutine waits
  // for the program's end, which closes the pipe (StartOneShot in its commander.go): the list, and with it the gate near
  // its end, is lost or not by chance. Where it was read, Collectors are started with it, before any offer and after.
  test("starts a Collector without pipelines only if it happened to see that this one can", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const hasSeenGate = supervisor.collectorArguments()?.includes(NO_PIPELINES) === true;

    const empty = await watch.offer("{}", "{}", "applied", "failed");
    // With the gate it has had no pipelines from the start, so nothing changes; without, a pipeline that does nothing.
    expect(statuses(empty)).toEqual(hasSeenGate ? ["applied"] : ["applying", "failed"]);
    if (!hasSeenGate)
      expect(supervisor.collectorOutput()).toContain("service must have at least one pipeline");
  });

  // It says then that it is healthy, but that is not the last word each time: what the Collector said while it ended is read
  // by another goroutine, and its exit may be noticed after the place where it is overlooked, which counts as a crash, for ever.
  // So the health after a stop says nothing.
  test("stops its Collector when no entry is left, and counts that as APPLIED", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    expect(supervisor.collectorArguments()).toBeDefined();

    const stopped = await watch.offer(null, "none", "applied");
    expect(statuses(stopped)).toEqual(["applying", "applied"]);
    expect(supervisor.collectorArguments()).toBeUndefined();
  });

  test("stays with a configuration that fails, and tries it again for ever", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const [port, taken] = [await freePort(), createServer()];
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address() as { port: number };
    await watch.offer(good(port), "A", "applied");

    const bound = await watch.offer(good(address.port), "B", "failed");
    expect(statuses(bound)).toEqual(["applying", "failed"]);
    // The words are the supervisor's: why the Collector ended stands in the Collector's own log alone.
    expect(bound.at(-1)?.status?.error_message).toBe(
      "Agent exited unexpectedly with exit code 1 while applying configuration",
    );
    expect(supervisor.collectorOutput()).toContain("address already in use");
    await watch.until("another try", ({ health }) =>
      /exited unexpectedly, exit code=1/.test(health?.last_error ?? ""),
    );
    taken.close();
    await watch.offer(good(port), "A", "applied");

    const unknown = await watch.offer(good(port).replaceAll("debug", "kafka"), "C", "failed");
    expect(statuses(unknown)).toEqual(["applying", "failed"]);
    // Nothing runs now, and yet the effective configuration is the one that ran before.
    expect(unknown.findLast((said) => said.effective)?.effective?.[""]).not.toContain("kafka");

    // Restarted, it comes back with the failed one: only another offer helps.
    await supervisor.stop();
    supervisor.start();
    await watch.until(
      "the failure, remembered",
      ({ status, health }) => status?.status === "failed" && health?.healthy === false,
    );
    await watch.offer(good(port), "A", "applied");

    // What is not YAML is refused without a try; what ran, runs on.
    expect(statuses(await watch.offer("a: [", "D", "failed"))).toEqual(["failed"]);
  });

  // A server that repeats an offer to messages that crossed it is told so: ours does not.
  test("calls an offer that it receives twice APPLIED before it has tried it", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const taken = createServer();
    taken.listen(0, "127.0.0.1");
    await once(taken, "listening");
    const address = taken.address() as { port: number };
    server.sendTwice({ [ENTRY]: good(address.port) }, "A");
    const said = await watch.until("failed", ({ status }) => status?.status === "failed");
    taken.close();
    expect(statuses(said).slice(-2)).toEqual(["applied", "failed"]);
  });

  test("tells a crash that comes later by its health alone: it stays APPLIED", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const [port, when] = [await freePort(), join(folder, "now")];
    const crashing = good(port)
      .replace("receivers: {", `receivers: {crash: {when: ${when}}, `)
      .replace("[otlp]", "[otlp, crash]");
    await watch.offer(crashing, "A", "applied");
    const before = server.said.length;
    writeFileSync(when, "");
    await watch.until("the crash", ({ health }) =>
      /exited unexpectedly, exit code=2/.test(health?.last_error ?? ""),
    );
    // Five seconds later it starts the Collector again, which is well for a moment, and crashes again.
    await watch.until("well in between", ({ health }) => health?.status === "StatusOK");
    await watch.until("the next crash", ({ health }) => /exit code=2/.test(health?.last_error ?? ""));
    expect(statuses(server.said.slice(before))).toEqual([]);
  });

  test("asked to validate, it refuses before it stops what runs", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "ws", true);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const port = await freePort();
    await watch.offer(good(port), "A", "applied");
    const refused = await watch.offer(good(port).replaceAll("debug", "kafka"), "B", "failed");
    expect(statuses(refused)).toEqual(["failed"]);
    expect(refused.at(-1)?.status?.error_message).toContain('unknown type: "kafka" for id: "kafka"');
    expect(refused.every(({ health }) => health?.healthy !== false)).toBe(true);
    await watch.offer(good(port), "A", "applied");
  });

  test("over HTTP it asks every 30 s, and tells its verdict without waiting", async () => {
    await using server = await startOpampServer();
    await using supervisor = start(server, "http", false);
    const watch = watching(server, supervisor);
    await watch.until("well before any offer", ({ health }) => health?.status === "StatusOK");
    const port = await freePort();
    const applied = await watch.offer(good(port), "A", "applied");
    expect(statuses(applied)).toEqual(["applying", "applied"]);
    expect(applied.flatMap((said) => said.effective?.[""] ?? []).at(-1)).toContain(String(port));
  });
});

/** Receives over HTTP on a port and prints. */
function good(port: number): string {
  return `receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:${port}"}}}}
exporters: {debug: {}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {logs: {receivers: [otlp], exporters: [debug]}}
`;
}

/** What it said of offers; that it has none yet is said at any moment of its start. */
function statuses(said: readonly Said[]): string[] {
  return said.flatMap(({ status }) =>
    status === undefined || status.status === "unset" ? [] : [status.status],
  );
}

function watching(server: OpampServer, supervisor: Supervisor) {
  let read = 0;
  /** Waits for a message that is like that; gives all since the last one waited for. */
  const until = async (what: string, is: (said: Said) => boolean): Promise<readonly Said[]> => {
    const from = read;
    try {
      return await eventually(
        what,
        () => {
          const found = server.said.findIndex((said, index) => index >= from && is(said));
          if (found < 0) return undefined;
          read = found + 1;
          return server.said.slice(from, read);
        },
        LIMIT_MS,
      );
    } catch (cause) {
      throw new Error(
        `it said:\n${server.said.map((said) => JSON.stringify({ ...said, effective: undefined })).join("\n")}\nsupervisor:\n${supervisor.output().slice(-3_000)}`,
        { cause },
      );
    }
  };
  return {
    until,
    /** Offers a text, or with null no entry at all, and waits for one of the verdicts on it. */
    offer(
      text: string | null,
      hash: string,
      ...verdicts: ("applied" | "failed")[]
    ): Promise<readonly Said[]> {
      read = server.said.length;
      server.offer(text === null ? {} : { [ENTRY]: text }, hash);
      return until(
        `${verdicts.join(" or ")} ${hash}`,
        ({ status }) =>
          verdicts.some((verdict) => verdict === status?.status) &&
          Buffer.from(status?.hash ?? "", "hex").toString() === hash,
      );
    },
  };
}
