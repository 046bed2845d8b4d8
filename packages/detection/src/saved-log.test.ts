import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLogDetection, detectInLog } from "./detect-in-log.ts";
import { createLogReader } from "./saved-log.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

function secondsOf(text: string): number[] {
  const bytes = bytesOf(text);
  const reader = createLogReader(bytes);
  const events = [...reader.push(bytes), ...reader.end()];
  return events.map((event) => (event.at - (events[0]?.at ?? 0)) / 1000);
}

describe("the times lines carry", () => {
  test.each([
    ["2024-04-14 17:49:46,296 a", "2024-04-14 17:49:48.796 b", 2.5],
    ["2018-02-17T04:51:22.656527537Z a", "2018-02-17T04:51:23.656Z b", 0.999],
    ["17/06/09 20:10:40 a", "17/06/09 20:11:40 b", 60],
    ["11/14/2021 00:48:32 - a", "11/15/2021 00:48:32 - b", 86_400],
    ["Jun 14 15:16:01 a", "Jul 14 15:16:01 b", 30 * 86_400],
    ["Dec 31 23:59:59 a", "Jan  1 00:00:01 b", 2],
    ["I0523 08:07:11.060001 a", "E0523 08:07:12.060001 b", 1],
    ["[11/Aug/2019 16:30:03] a", "[11/Aug/2019:16:30:05 +0000] b", 2],
    ["[Sun Dec 04 04:47:44 2005] a", "[Sun Dec 04 04:47:54 2005] b", 10],
    ["20171223-22:15:29:606|a", "20171223-22:15:30:606|b", 1],
    ["081109 203615 148 a", "081109 203715 148 b", 60],
    ["1534918223 a", "1534918224.5 b", 1.5],
    ["1534918223869 a", "1534918224869 b", 1],
    ["0.872: [GC a", "1.872: [GC b", 1],
    ["\u001b[31mx |\u001b[0m 2018-02-17 04:51:22 a", "\u001b[32mx |\u001b[0m 2018-02-17 04:51:24 b", 2],
  ])("%j, %j", (a, b, seconds) => {
    expect(secondsOf(`${a}\n${b}`)[1]).toBeCloseTo(seconds, 2);
  });

  test("lines without one are as old as the line before", () => {
    expect(secondsOf("head\n2024-01-01 00:00:10 a\n\tat f\n2024-01-01 00:00:12 b\n")).toEqual([0, 0, 0, 2]);
  });

  test("a date that a message speaks of does not move the clock", () => {
    const log =
      "2024-01-01 00:00:10 a\n2024-01-01 00:00:11 b\nvalid until Jan 01 00:00:00 2031\n2024-01-01 00:00:12 c";
    expect(secondsOf(log)).toEqual([0, 1, 1, 2]);
  });

  test("without any, lines come at an even pace", () => {
    expect(secondsOf("a\nb\nc\n")).toEqual([0, 0.1, 0.2]);
  });
});

test("how a log is cut into chunks changes nothing", () => {
  const round = "2024-01-01 00:00:%S job 1 ERROR cannot write: permission denied\n\tat f (x.js:1)\r\n\n";
  const log = bytesOf(
    Array.from({ length: 90 }, (_, n) => round.replace("%S", `${10 + (n % 50)}`)).join("") + "the end",
  );
  const whole = JSON.stringify(detectInLog(log));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 40 }), (sizes) => {
      const detection = createLogDetection(log);
      let from = 0;
      for (let index = 0; from < log.length; index += 1) {
        const to = from + (sizes[index % sizes.length] ?? 1);
        detection.push(log.subarray(from, to));
        from = to;
      }
      expect(JSON.stringify(detection.finish())).toBe(whole);
    }),
    { numRuns: 60 },
  );
});

test("a line without end is cut and kept in bounds", () => {
  const reader = createLogReader(bytesOf("x"));
  const chunk = new Uint8Array(1_000_000).fill(120);
  const events = [...reader.push(chunk), ...reader.push(chunk), ...reader.end()];
  expect(Math.max(...events.map(({ bytes }) => bytes.length))).toBe(65_536);
  expect(events.reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(2_000_000);
});

test("what is found is reported at the log's own pace, or at the one it is given", () => {
  const texts = Array.from({ length: 100 }, () => "fatal: no such table");
  const untimed = bytesOf(texts.join("\n"));
  const slow = detectInLog(untimed, {}, 2);
  expect(slow).toMatchObject({ detected: true, category: "loop" });
  expect(slow.atSeconds).toBe(((slow.atLine ?? 0) - 1) / 2);
  const timed = bytesOf(texts.map((text, n) => `${1_600_000_000 + n * 30} ${text}`).join("\n"));
  const verdict = detectInLog(timed);
  expect(verdict.atSeconds).toBe(((verdict.atLine ?? 0) - 1) * 30);
});

test.each([
  ["an empty log", ""],
  ["one line", "hello"],
  ["blank lines", "\n\n\n"],
])("%s shows nothing", (_, text) => {
  expect(detectInLog(bytesOf(text))).toEqual({
    detected: false,
    category: null,
    score: 0,
    atLine: null,
    atSeconds: null,
    evidence: null,
  });
});
