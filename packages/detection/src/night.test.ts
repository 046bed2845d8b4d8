import { expect, test } from "vitest";
import { replay } from "./replay.ts";
import { DEFAULT_POLICY } from "./policy.ts";
import { digest, record, type Happening } from "./testing-record.ts";

const HOURS = 10;
const TICK_MS = 10_000;

/** Ten hours: mostly work, hours of the same error and an hour of silence. */
function night(): Happening[] {
  const happenings: Happening[] = [{ kind: "start", at: 0 }];
  let step = 0;
  for (let at = TICK_MS; at < HOURS * 3_600_000; at += TICK_MS) {
    const hour = Math.floor(at / 3_600_000);
    if (hour % 4 === 2) {
      for (let n = 0; n < 3; n += 1)
        happenings.push({
          text: `ERROR cannot write chunk ${hour}: no space left on device`,
          at: at - 4_000 + n * 1_000,
        });
    } else if (hour !== 5) {
      step += 1;
      happenings.push({
        text: `step ${step}: loss ${(1_000 / step).toFixed(5)}, saved checkpoint-${step}.bin`,
        at: at - 2_000,
      });
    }
    happenings.push({
      kind: "sample",
      at,
      cpu_ms: step * 900,
      io_bytes: step * 4_096,
      children: 1,
    });
  }
  happenings.push(
    { kind: "exit", at: HOURS * 3_600_000, code: 0, signal: null },
    { kind: "end", at: HOURS * 3_600_000 },
  );
  return happenings;
}

test("a night of a run, its agent killed nine times, is repeated byte for byte", async () => {
  const happenings = night();
  const crashes = new Map(
    Array.from({ length: 9 }, (_, n) => [Math.floor(((n + 1) * happenings.length) / 10), n * 3] as const),
  );
  const recorded = record(happenings, DEFAULT_POLICY, { crashes });
  const { chunks, segments } = recorded;
  const report = await replay({ chunks, segments, sha256: digest });
  expect(report).toMatchObject({ equal: true, intact: true, problem: null, events: happenings.length });
  const confirmed = new Set(
    report.decisions.filter(({ kind }) => kind === "confirmed").map(({ category }) => category),
  );
  expect([...confirmed].toSorted((a, b) => a.localeCompare(b))).toEqual(["loop", "stall"]);
});
