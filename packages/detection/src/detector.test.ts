import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createDetector } from "./detector.ts";
import type { DetectionEvent, SampleEvent } from "./events.ts";
import { confirmed, decide, line, lines, repeat, workLines } from "./testing.ts";

const FAILURE = "ERROR cannot write chunk: permission denied";
const MB = 1_048_576;

describe("output", () => {
  test("a failure that comes again and again, with nothing new, is a loop", () => {
    const events = lines([...workLines(100), ...repeat([FAILURE], 120)]);
    const [decision] = confirmed(events);
    expect(decision).toMatchObject({ category: "loop", evidence: { signature: { text: FAILURE } } });
    expect(decision?.line).toBeLessThan(200);
    expect(decision?.evidence.families.map((f) => f.family)).toEqual(["error", "repetition", "no_progress"]);
  });

  test("with work between, it is not", () => {
    const texts = workLines(300).flatMap((text, index) => (index % 2 === 0 ? [text, FAILURE] : [text]));
    expect(confirmed(lines(texts))).toEqual([]);
  });

  test("a counter that advances is work, though every line looks alike", () => {
    const texts = Array.from({ length: 400 }, (_, index) => [
      `warning: slow, done ${index} of 400`,
      FAILURE,
    ]).flat();
    expect(confirmed(lines(texts))).toEqual([]);
  });

  test("equal lines without failure are a poll, whatever their number", () => {
    expect(decide(lines(repeat(["Received scan results"], 5_000), 2_000))).toEqual([]);
  });

  test("retries that succeed in the end are none", () => {
    const round = [
      "WARN connection refused, retrying",
      "WARN connection refused, retrying",
      "connected to db",
    ];
    expect(confirmed(lines(repeat(round, 100)))).toEqual([]);
  });

  test("retries that never do are a storm", () => {
    const texts = Array.from(
      { length: 80 },
      (_, n) => `WARN request failed, retrying in ${n}s (attempt ${n})`,
    );
    expect(confirmed(lines([...workLines(60), ...texts], 2_000))[0]).toMatchObject({
      category: "retry_storm",
    });
  });

  test("a supervisor's crash loop is a storm, though each start is called a success", () => {
    const round = [
      "INFO spawned: 'app' with pid 93020",
      "INFO success: app entered RUNNING state",
      "INFO exited: app (exit status 1; not expected)",
    ];
    expect(confirmed(lines(repeat(round, 40)))[0]).toMatchObject({ category: "retry_storm" });
  });

  test("so is one whose supervisor counts the restarts", () => {
    const texts = Array.from({ length: 60 }, (_, n) => [
      "systemd[1]: app.service: Main process exited, code=exited, status=1/FAILURE",
      `systemd[1]: app.service: Scheduled restart job, restart counter is at ${n}.`,
      "systemd[1]: Started app.",
    ]).flat();
    expect(confirmed(lines(texts, 5_000))[0]).toMatchObject({ category: "retry_storm" });
  });

  test("a server whose failures end in success, over and over, is at work", () => {
    const round = ["[notice] worker init() ok", "[error] child worker in error state 6"];
    expect(confirmed(lines(repeat(round, 300), 3_000))).toEqual([]);
  });

  test("waiting for what is not ready is a stall, yet not while things start", () => {
    const texts = repeat(["ERROR network plugin is not ready"], 120);
    const [decision] = confirmed(lines(texts, 5_000));
    expect(decision).toMatchObject({ category: "stall" });
    expect(decision?.at).toBeGreaterThanOrEqual(300_000);
  });

  test("a stack trace is one failure, and is found by its last line", () => {
    const trace = (name: string) => [
      "Traceback (most recent call last):",
      '  File "job.py", line 25, in <module>',
      "    message = response[0]",
      `${name}: 'Messages'`,
    ];
    expect(confirmed(lines(repeat(trace("KeyError"), 30)))).toHaveLength(1);
    const different = Array.from({ length: 30 }, (_, n) =>
      trace(`Case${"abcdefghijklmnopqrstuvwxyz1234"[n]}Error`),
    );
    expect(confirmed(lines(different.flat()))).toEqual([]);
  });

  test("a stack trace that is written slowly stays whole, however often the run is looked at", () => {
    const trace = [
      "java.lang.IllegalStateException: no rows",
      ...repeat(["    at app.Job.run(Job.java:1)"], 4),
    ];
    const slow = [...lines(workLines(100)), ...lines(repeat(trace, 40), 3_300, 101_000)];
    const looked = slow
      .flatMap((event): DetectionEvent[] => [event, { kind: "tick", at: event.at + 3_000 }])
      .toSorted((a, b) => a.at - b.at);
    const [found] = confirmed(slow);
    expect(found).toMatchObject({ category: "loop" });
    expect(confirmed(looked)).toMatchObject([{ category: "loop", line: found?.line }]);
  });

  test("64 processes that say the same at once are one", () => {
    const texts = workLines(80).flatMap((text, n) => [
      ...repeat([text], 64),
      ...(n < 30 ? [] : repeat([FAILURE], 64)),
    ]);
    expect(confirmed(lines(texts, 10))).toEqual([]);
  });

  test("an attack on a server is not the server's failure", () => {
    const texts = repeat(["Failed password for root from 203.0.113.7 port 22 ssh2"], 500);
    expect(confirmed(lines(texts))).toEqual([]);
  });

  test("a spin far above the job's own pace is a loop without any failure", () => {
    const events = [
      ...lines(workLines(120)),
      ...lines(repeat(["checking queue", "queue is empty"], 20_000), 2, 120_000),
    ];
    expect(confirmed(events)[0]).toMatchObject({ category: "loop" });
  });

  test("lines the job is known to print are left out", () => {
    const events = lines(repeat([FAILURE], 200));
    expect(confirmed(events)).toHaveLength(1);
    expect(confirmed(events, { benign: ["cannot write chunk"] })).toEqual([]);
  });

  test("new work withdraws the verdict", () => {
    const kinds = decide(lines([...repeat([FAILURE], 60), ...workLines(60)])).map(({ kind }) => kind);
    expect(kinds.at(-1)).toBe("cleared");
    expect(kinds).toContain("confirmed");
  });

  test("one failure at many times the usual pace is a loop, though others' lines bring news", () => {
    const work = workLines(3_000);
    const healthy = lines(work.slice(0, 200));
    const mixed = (seconds: number) =>
      lines(
        Array.from({ length: seconds * 30 }, (_, n) => (n % 4 === 0 ? (work[200 + n / 4] ?? "") : FAILURE)),
        33,
        200_000,
      );
    const after = lines(work.slice(2_900), 1_000, 400_000);
    expect(confirmed([...healthy, ...mixed(120)])[0]).toMatchObject({ category: "loop", source: "output" });
    // A burst is none; and it is over when the pace is what it was.
    expect(confirmed([...healthy, ...mixed(30), ...after])).toEqual([]);
    expect(decide([...healthy, ...mixed(120), ...after]).map(({ kind }) => kind)).toEqual([
      "confirmed",
      "cleared",
    ]);
  });

  test("what is waited for is a stall when it is asked for at leisure, a loop when it is not", () => {
    const wait = "WARN shard is not ready";
    const at = (everyMs: number) =>
      confirmed([...lines(workLines(80)), ...lines(repeat([wait], 600), everyMs, 80_000)])[0]?.category;
    expect([at(100), at(2_000), at(20_000)]).toEqual(["loop", "stall", "stall"]);
  });

  test("sensitivity asks for more or for less", () => {
    const events = lines([...workLines(40), ...repeat([FAILURE], 200)]);
    const at = (sensitivity: "low" | "medium" | "high") => confirmed(events, { sensitivity })[0]?.line ?? 0;
    expect(at("high")).toBeLessThan(at("medium"));
    expect(at("medium")).toBeLessThan(at("low"));
  });
});

describe("samples and exits", () => {
  const sample = (at: number, more: Partial<SampleEvent>): SampleEvent => ({ kind: "sample", at, ...more });
  const every = (count: number, one: (at: number, index: number) => SampleEvent) =>
    Array.from({ length: count }, (_, index) => one(index * 5_000, index));

  test("memory that climbs to its limit is a runaway", () => {
    const events = every(120, (at, n) =>
      sample(at, { rssBytes: (200 + n * 10) * MB, rssLimitBytes: 1_600 * MB }),
    );
    expect(confirmed(events)[0]).toMatchObject({ category: "runaway" });
  });

  test("memory that is taken back, or that settles, is not", () => {
    const sawtooth = every(400, (at, n) => sample(at, { rssBytes: (200 + (n % 20) * 40) * MB }));
    const settles = every(400, (at, n) => sample(at, { rssBytes: (200 + Math.min(n, 40) * 20) * MB }));
    expect(confirmed(sawtooth)).toEqual([]);
    expect(confirmed(settles)).toEqual([]);
  });

  test("processes that pile up are a runaway", () => {
    const events = every(200, (at, n) => sample(at, { children: 2 + n, childrenLimit: 256 }));
    expect(confirmed(events)[0]).toMatchObject({ category: "runaway" });
  });

  test("silence with nothing used is a stall; silence at work is not", () => {
    const rhythm = lines(workLines(60));
    const idle = Array.from({ length: 60 }, (_, n) => sample(60_000 + n * 5_000, { cpuMs: 900, ioBytes: 5 }));
    const busy = idle.map((one) => ({ ...one, cpuMs: one.at }));
    expect(confirmed([...rhythm, ...idle])[0]).toMatchObject({ category: "stall" });
    expect(confirmed([...rhythm, ...busy])).toEqual([]);
  });

  test("a job whose rhythm is slow may be silent as long as it ever was", () => {
    const rhythm = lines(workLines(20), 600_000);
    const idle = Array.from({ length: 100 }, (_, n) =>
      sample(12_000_000 + n * 5_000, { cpuMs: 900, ioBytes: 5 }),
    );
    expect(confirmed([...rhythm, ...idle])).toEqual([]);
  });

  test("heartbeats keep a silent job alive", () => {
    const events: DetectionEvent[] = [];
    for (let at = 0; at < 3_600_000; at += 30_000)
      events.push({ kind: "heartbeat", at }, sample(at + 1, { cpuMs: 1, ioBytes: 1 }));
    expect(confirmed(events)).toEqual([]);
  });

  test("five exits with the same failure are a crash loop; with different ones they are not", () => {
    const life = (n: number, code: number): DetectionEvent[] => [
      { kind: "start", at: n * 5_000 },
      line(n * 5_000 + 100, "fatal: no such table"),
      { kind: "exit", at: n * 5_000 + 2_000, code, signal: null },
    ];
    const alike = Array.from({ length: 6 }, (_, n) => life(n, 1)).flat();
    expect(confirmed(alike)[0]).toMatchObject({ category: "retry_storm", at: 22_000 });
    expect(confirmed(Array.from({ length: 6 }, (_, n) => life(n, n + 1)).flat())).toEqual([]);
    expect(confirmed(Array.from({ length: 9 }, (_, n) => life(n, n % 3 === 2 ? 0 : 1)).flat())).toEqual([]);
  });
});

describe("the engine", () => {
  const texts = fc.constantFrom(
    FAILURE,
    "ok",
    "step 1",
    "step 2",
    "  at f (x.js:1)",
    "Traceback (most recent call last):",
    "",
    "retry 3",
    "exited with code 1",
  );
  const event = fc.oneof(
    { weight: 8, arbitrary: fc.tuple(texts, fc.nat(3_000)).map(([text, after]) => ({ text, after })) },
    fc.nat(60_000).map((after) => ({ text: null, after })),
  );
  const build = (steps: readonly { text: string | null; after: number }[]): DetectionEvent[] => {
    let at = 0;
    return steps.map(({ text, after }) => {
      at += after;
      return text === null ? { kind: "tick", at } : line(at, text);
    });
  };

  test("decides the same for the same events, byte for byte", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (steps) => {
        const once = JSON.stringify(decide(build(steps)));
        expect(JSON.stringify(decide(build(steps)))).toBe(once);
      }),
      { numRuns: 60 },
    );
  });

  test("every confirmed decision has two kinds of signal that agree", () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 400 }), (steps) => {
        for (const { evidence } of confirmed(build(steps)))
          expect(evidence.families.filter((f) => f.strength >= 500).length).toBeGreaterThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  test("keeps a bounded state, whatever is printed", () => {
    const detector = createDetector();
    let state = detector.start();
    const sizeAfter = (count: number, from: number) => {
      for (let n = from; n < from + count; n += 1) {
        const name = String.fromCharCode(97 + (n % 26), 97 + ((n >> 3) % 26), 97 + ((n >> 7) % 26));
        state = detector.step(state, line(n * 50, `ERROR ${name} failed: heap ${n}M rss ${n} MB`)).state;
      }
      return sizeOf(state);
    };
    const early = sizeAfter(40_000, 0);
    expect(sizeAfter(40_000, 40_000)).toBeLessThanOrEqual(early * 1.01);
  });

  test("time that goes back stands still", () => {
    const events = lines(repeat([FAILURE], 200)).map((one, n) => (n % 7 === 3 ? { ...one, at: 0 } : one));
    expect(confirmed(events)).toHaveLength(1);
  });

  test("evidence names the configuration", () => {
    const events = lines(repeat([FAILURE], 200));
    const hashOf = (benign: string[]) => confirmed(events, { benign })[0]?.evidence.configHash;
    expect(hashOf([])).toBe(hashOf([]));
    expect(hashOf(["x"])).not.toBe(hashOf([]));
  });
});

/** Bytes of buffers and text, and entries of collections, that a state holds. */
function sizeOf(value: unknown): number {
  if (ArrayBuffer.isView(value)) return value.byteLength;
  if (typeof value === "string") return value.length;
  if (value instanceof Map)
    return [...value.values()].reduce((sum: number, item) => sum + 8 + sizeOf(item), 0);
  if (typeof value === "object" && value !== null)
    return Object.values(value).reduce((sum: number, item) => sum + 8 + sizeOf(item), 0);
  return 8;
}
