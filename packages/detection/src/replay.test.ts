import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashText } from "./hash.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { BREATH_LINES, replay } from "./replay.ts";
import { repeat, workLines } from "./testing.ts";
import {
  changed,
  digest,
  enforcing,
  record,
  segmentsOf,
  seededRun,
  type Happening,
  type Recorded,
} from "./testing-record.ts";

const FAILURE = "ERROR cannot write chunk: permission denied";

function printed(texts: readonly string[], everyMs = 1_000): Happening[] {
  return [{ kind: "start", at: 0 }, ...texts.map((text, index) => ({ text, at: index * everyMs }))];
}

const looping = record(
  [...printed([...workLines(90), ...repeat([FAILURE], 60)]), { kind: "tick", at: 200_000 }],
  enforcing(),
);

function again({ chunks, segments }: Pick<Recorded, "chunks" | "segments">, policy = {}) {
  return replay({ chunks, segments, sha256: digest, ...policy });
}

describe("a replay", () => {
  test("says the same again, byte for byte", async () => {
    const report = await again(looping);
    expect(report).toMatchObject({ equal: true, intact: true, problem: null, events: 152 });
    expect(report.decisions).toMatchObject([
      { kind: "suspected", category: "loop", action: null, recorded: true },
      { kind: "confirmed", category: "loop", action: "stop", outcome: "done", recorded: true },
    ]);
  });

  test("is the same twice, and for any run", async () => {
    const all: string[] = [];
    for (let seed = 1; seed <= 12; seed += 1) {
      const run = record(seededRun(seed), enforcing({ cooldown_ms: 60_000 }));
      const [one, two] = [await again(run), await again(run)];
      expect(one).toEqual(two);
      expect([seed, one.equal, one.problem]).toEqual([seed, true, null]);
      all.push(...run.chunks.map((chunk) => new TextDecoder().decode(chunk)));
    }
    expect(hashText(all.join(""), 1)).toMatchInlineSnapshot(`2982598377`);
  });

  test("lets a thread with other work have its turn, and comes to the same", async () => {
    const long = record(printed(workLines(BREATH_LINES * 3 + 10), 1), enforcing());
    let breaths = 0;
    const report = await replay({
      ...long,
      sha256: digest,
      breathe: async () => {
        breaths += 1;
      },
    });
    expect([report.equal, breaths]).toEqual([true, Math.ceil((BREATH_LINES * 3 + 10) / BREATH_LINES)]);
    expect(report).toEqual(await again(long));
  });

  test("under another policy says what that would have done", async () => {
    const report = await again(looping, { policy: DEFAULT_POLICY });
    expect(report).toMatchObject({ equal: null, intact: true, problem: null });
    expect(report.decisions.at(-1)).toMatchObject({ action: "stop", outcome: "withheld" });
    const calm = await again(looping, { policy: enforcing({ benign: ["permission denied"] }) });
    expect(calm).toMatchObject({
      decisions: [],
      sentence: expect.stringContaining("nothing would have been"),
    });
  });

  test("of a run whose lines are gone says so", async () => {
    const report = await again({ ...looping, segments: looping.segments.slice(1) });
    expect(report).toMatchObject({
      equal: null,
      intact: true,
      problem: "the lines 1 to 64 are no longer stored.",
    });
    const shorter = await again({ ...looping, segments: looping.segments.slice(0, 1) });
    expect(shorter.problem).toBe("the lines after 64 are not stored.");
  });
});

describe("tampering", () => {
  const check = async (chunks: readonly Uint8Array[], segments: Recorded["segments"], problem: string) => {
    const report = await replay({ chunks, segments, sha256: digest });
    expect(report).toMatchObject({ equal: null, intact: false });
    expect(report.problem).toContain(problem);
  };
  const busy = record(
    [...printed(workLines(90)), ...repeatTicks(90, 100_000), ...repeatTicks(60, 600_000)],
    enforcing(),
  );
  const [first = new Uint8Array(), second = new Uint8Array(), third = new Uint8Array()] = busy.chunks;

  test("with an entry breaks the chain at the next chunk", async () => {
    const other = changed(second, /"at":(\d+)5/, '"at":$16');
    await check([first, other, third], busy.segments, "Chunk 3 does not follow chunk 2");
  });

  test("by leaving a chunk out, or by swapping two, is seen", async () => {
    await check([first, third], busy.segments, "Chunk 2 is missing");
    await check([first, third, second], busy.segments, "Chunk 2 is missing");
    await check([], busy.segments, "There is no evidence");
  });

  test("with a chunk of another run is seen", async () => {
    const foreign = changed(second, '"run_id":"run-1"', '"run_id":"run-2"');
    await check([first, foreign], busy.segments, "belongs to the run run-2");
  });

  test("with a line of the log is seen, and where", async () => {
    const lines = busy.segments.flatMap(({ lines: some }) => [...some]);
    const other = lines.map((line) =>
      line.seq === 70 ? { ...line, bytes: new TextEncoder().encode("all is well") } : line,
    );
    await check(busy.chunks, segmentsOf(other), "Segment 2 of the log, lines 65 to 90");
  });

  test("with the policy or settings breaks the chain; with the settings alone, their hash", async () => {
    const other = changed(first, '"failuresMin":9', '"failuresMin":99');
    await check([other], busy.segments, "not those whose hash");
  });

  test("with a recorded decision comes out as a difference", async () => {
    const [only = new Uint8Array()] = looping.chunks;
    const report = await again({ ...looping, chunks: [changed(only, /"score":(\d\d),/, '"score":1,')] });
    expect(report).toMatchObject({ equal: false, problem: expect.stringContaining('"score":1,') });
  });

  test("that leaves no evidence at all is a sentence, never a crash", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat(4_000), async (noise, at) => {
        const broken = new Uint8Array(first);
        broken.set(noise.subarray(0, Math.max(0, broken.length - at)), Math.min(at, broken.length));
        const report = await replay({ chunks: [broken], segments: busy.segments, sha256: digest });
        expect(typeof report.sentence).toBe("string");
      }),
      { numRuns: 200 },
    );
  });
});

test("an agent that dies anywhere decides what it would have decided", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.array(fc.tuple(fc.nat(250), fc.nat(30)), { maxLength: 4 }),
      (seed, deaths) => {
        const run = seededRun(seed, 250);
        const policy = enforcing({ cooldown_ms: 60_000 });
        const whole = record(run, policy);
        const broken = record(run, policy, { crashes: new Map(deaths) });
        expect(broken.outputs).toEqual(whole.outputs);
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

function repeatTicks(count: number, from: number): Happening[] {
  return Array.from({ length: count }, (_, index) => ({ kind: "tick", at: from + index * 5_000 }));
}
