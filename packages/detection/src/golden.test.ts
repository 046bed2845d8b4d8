import { expect, test } from "vitest";
import { detectInLog } from "./detect-in-log.ts";
import type { RulesVersion } from "./config.ts";
import { hashText } from "./hash.ts";
import { decide, lines, repeat, workLines } from "./testing.ts";

/** Every decision of a made-up run in one line each: a change in them must be seen, and meant. */
function trace(texts: readonly string[], everyMs: number): string[] {
  return decide(lines(texts, everyMs)).map(({ kind, category, score, at, line, evidence }) => {
    const readings = evidence.families.map((f) => `${f.family} ${f.value}/${f.threshold}`).join(", ");
    return `${at / 1000} s, line ${line}: ${kind} ${category} ${score} (${readings})`;
  });
}

test("a disk that fills up under a training", () => {
  const full = [
    "ERROR saving checkpoint: no space left on device",
    "  at save (train.py:12)",
    "retrying in 5s",
  ];
  expect(trace([...workLines(80), ...repeat(full, 40), ...workLines(40)], 1_000)).toMatchInlineSnapshot(`
    [
      "136 s, line 137: suspected retry_storm 62 (error 566/200, repetition 186/300, no_progress 166/200)",
      "154 s, line 155: confirmed retry_storm 92 (error 615/200, repetition 105/300, no_progress 94/200)",
      "207 s, line 208: cleared retry_storm 0 (no_progress 216/216)",
    ]
  `);
});

test("a service that waits for its database", () => {
  const texts = ["INFO starting", ...repeat(["WARN connect ECONNREFUSED 10.0.0.5:5432", "INFO waiting"], 90)];
  expect(trace(texts, 2_500)).toMatchInlineSnapshot(`
    [
      "80 s, line 33: suspected retry_storm 61 (error 324/200, repetition 398/300, no_progress 133/200)",
      "305 s, line 123: confirmed retry_storm 99 (error 497/200, repetition 23/300, no_progress 8/200)",
    ]
  `);
});

test("evidence, whole", () => {
  const texts = [...workLines(40), ...repeat(["KeyError: 'Messages'"], 300)];
  const verdict = detectInLog(new TextEncoder().encode(texts.join("\n")));
  expect(verdict).toMatchInlineSnapshot(`
    {
      "atLine": 164,
      "atSeconds": 16.3,
      "category": "loop",
      "detected": true,
      "evidence": {
        "configHash": "4cdbb6017445163d",
        "families": [
          {
            "family": "error",
            "strength": 1000,
            "threshold": 200,
            "unit": "‰ of lines",
            "value": 980,
          },
          {
            "family": "repetition",
            "strength": 1000,
            "threshold": 300,
            "unit": "‰ of records new",
            "value": 21,
          },
          {
            "family": "no_progress",
            "strength": 960,
            "threshold": 200,
            "unit": "‰ of lines with news",
            "value": 16,
          },
        ],
        "lastProgress": {
          "at": 3900,
          "line": 40,
          "what": "counter",
        },
        "lines": {
          "from": 83,
          "to": 163,
        },
        "signature": {
          "count": 81,
          "lastText": "KeyError: 'Messages'",
          "periodMs": 768,
          "text": "KeyError: 'Messages'",
        },
        "since": {
          "at": 8200,
          "line": 83,
        },
        "suppressions": [
          {
            "count": 73,
            "name": "same failure within a second",
          },
        ],
      },
      "score": 98,
    }
  `);
});

test("a long mixed run decides as it always did", () => {
  const texts = Array.from({ length: 40 }, (_, n) => [
    ...workLines(n % 7 === 0 ? 60 : 2),
    ...repeat([`ERROR shard ${"abcdef"[n % 6]} failed`, "retrying"], 12),
  ]).flat();
  const hash = (version: RulesVersion) => hashText(JSON.stringify(decide(lines(texts, 700), { version })), 1);
  expect(hash(1)).toMatchInlineSnapshot(`3818442017`);
  expect(hash(2)).toMatchInlineSnapshot(`1715558649`);
  expect(hash(3)).toMatchInlineSnapshot(`2844230105`);
});
