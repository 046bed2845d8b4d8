import * as fc from "fast-check";
import { frameLines, LINE_BYTES_MAX } from "@flowplane/link";
import { expect, test } from "vitest";
import { cutOutput } from "./cut.ts";
import { judgeQuota } from "./quota.ts";

test("a cut counts the lines that framing will find, never splits a line that has an end, and flushing takes all", () => {
  const chunk = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constant("\n"),
    fc.integer({ min: LINE_BYTES_MAX - 2, max: LINE_BYTES_MAX + 2 }).map((n) => "x".repeat(n)),
  );
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 12 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 50 }),
      (chunks, flush, linesMax) => {
        const output = Buffer.from(chunks.join(""));
        const cut = cutOutput(output, flush, linesMax);
        expect(frameLines(output.subarray(0, cut.bytes), "stdout", 0, 1)).toHaveLength(cut.lines);
        const rest = output.subarray(cut.bytes);
        if (cut.lines < linesMax && flush) expect(rest.length).toBe(0);
        if (cut.lines < linesMax && !flush) {
          expect(rest.includes(10)).toBe(false);
          expect(rest.length).toBeLessThan(LINE_BYTES_MAX);
        }
      },
    ),
  );
});

test("a quota pauses above, and lets go on well below", () => {
  const quota = { runBytesMax: 100, hostBytesMax: 1000, diskReserveBytes: 30 };
  expect(judgeQuota(quota, false, 100, 500, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 101, 500, 40)).toBe("run_full");
  expect(judgeQuota(quota, true, 90, 500, 40)).toBe("run_full");
  expect(judgeQuota(quota, true, 75, 500, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 1, 1001, 40)).toBe("host_full");
  expect(judgeQuota(quota, false, 0, 1001, 40)).toBe("fits");
  expect(judgeQuota(quota, false, 1, 1, 29)).toBe("disk_full");
  expect(judgeQuota(quota, true, 1, 1, 39)).toBe("disk_full");
  expect(judgeQuota(quota, true, 1, 1, 40)).toBe("fits");
});
