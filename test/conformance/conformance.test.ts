import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../harness/control-plane.ts";
import { flowplaneOperator } from "./flowplane.ts";
import { markdownOf, summaryOf } from "./report.ts";
import { judge, type Outcome } from "./row.ts";
import { rows, ROWS_TOTAL, rowsToJudge } from "./rows.ts";
import { Target } from "./target.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const REPORT = join(ROOT, "docs", "opamp-conformance.md");
/** Less than a configuration may have, so that one can be too large for a message. */
const MESSAGE_BYTES_MAX = 400 * 1024;
/** Fewer than a busy machine can still send. */
const POLLS_PER_SECOND = 50;

/** Whether a machine that runs tests beside it can overload the server with upgrades is the machine's affair. */
const MAY_BE_NO_LOAD = new Set([61]);

const INTRODUCTION = `# OpAMP conformance

What Flowplane does, row by row of a checklist of the OpAMP specification (from: spec) and of what clients in use force upon a server ([I]).
The table is made by the suite in \`test/conformance\`, which speaks to a server from outside, over WebSocket and HTTP, and can be pointed at any:

\`\`\`bash
pnpm conformance -- --url ws://127.0.0.1:4320/v1/opamp --token TOKEN
pnpm conformance -- --url ws://127.0.0.1:4300/v1/opamp --flowplane-url http://127.0.0.1:4300 --key KEY --flood
\`\`\`

A bare server of 30 lines on the library of opamp-go v0.23.0, which lets everybody in and has nothing to say, passes 11 rows, fails 15 and has 40 skipped; most of what it
fails at, that library leaves to whoever uses it.

Every row is a named test; what one cannot judge is skipped and says why. For other servers than Flowplane those are the rows that need an operator. To write
this page anew: \`UPDATE_CONFORMANCE=1 vitest run test/conformance\`.

It was judged with limits below the defaults, so that they can be reached: messages of 400 KiB, 50 polls a second.
`;

describe("the suite", () => {
  test("has every row once, in order", () => {
    expect(rows.map(({ row }) => row)).toEqual(Array.from({ length: ROWS_TOTAL }, (_, index) => index + 1));
    expect(rowsToJudge.length).toBe(ROWS_TOTAL);
  });
});

describe("Flowplane", () => {
  const outcomes: Outcome[] = [];
  let plane: ControlPlane;
  let target: Target;

  beforeAll(async () => {
    plane = await startControlPlane({
      env: {
        FLOWPLANE_OPAMP_MESSAGE_BYTES: String(MESSAGE_BYTES_MAX),
        FLOWPLANE_OPAMP_POLLS_PER_SECOND: String(POLLS_PER_SECOND),
      },
    });
    const operator = await flowplaneOperator(plane.url, plane.key);
    target = new Target({
      url: `${plane.url.replace(/^http/, "ws")}/v1/opamp`,
      authorization: await operator.newToken(),
      messageBytesMax: MESSAGE_BYTES_MAX,
      operator,
      restartServer: async () => {
        plane = await plane.restart();
      },
      mayFlood: true,
    });
  }, 120_000);
  afterAll(async () => {
    await plane?.[Symbol.asyncDispose]();
  });

  test.each(rowsToJudge)("opamp row $row: $what", { timeout: 600_000 }, async (row) => {
    const outcome = await judge(row, target);
    outcomes.push(outcome);
    if (outcome.result === "skip" && MAY_BE_NO_LOAD.has(row.row)) {
      expect(outcome.why).toContain("were no load for it");
      return;
    }
    expect([outcome.result, outcome.why]).toEqual(["pass", expect.stringMatching(/./)]);
  });

  test("the report in docs has the results of these very rows", () => {
    expect(outcomes.length).toBe(ROWS_TOTAL);
    outcomes.sort((a, b) => a.row - b.row);
    if (process.env["UPDATE_CONFORMANCE"] === "1")
      writeFileSync(REPORT, `${INTRODUCTION}\n${summaryOf(outcomes)}.\n\n${markdownOf(outcomes)}\n`);
    const written = readFileSync(REPORT, "utf8");
    const resultsOf = (markdown: string) =>
      [...markdown.matchAll(/^\| (\d+) \|.*\| (pass|fail|skip) \|/gm)]
        .filter(([, row]) => !MAY_BE_NO_LOAD.has(Number(row)))
        .map(([, row, result]) => `${row} ${result}`);
    expect(resultsOf(written), `write it anew, with UPDATE_CONFORMANCE=1: ${summaryOf(outcomes)}`).toEqual(
      resultsOf(markdownOf(outcomes)),
    );
  });
});
