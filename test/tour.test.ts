import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { patternOf, runScript, stepsOf } from "./harness/guide.ts";
import { eventually, startControlPlane, type ControlPlane } from "./harness/control-plane.ts";

// The README's tour, done: each block marked `sh` is run in order on a fresh data folder, and must print what the `text`
// block after it says. In those, … stands for anything.

const ROOT = resolve(import.meta.dirname, "..");

const steps = stepsOf(readFileSync(join(ROOT, "README.md"), "utf8"));

describe("the README's tour", () => {
  let plane: ControlPlane;

  beforeAll(async () => {
    plane = await startControlPlane({ command: "up" });
    await eventually("the local agent to connect", async () => {
      const { items } = await plane.client.agentList({ query: { state: "connected" } });
      return items[0];
    });
  });
  afterAll(async () => {
    await plane?.[Symbol.asyncDispose]();
  });

  test("has steps, and says what most of them print", () => {
    expect(steps.length).toBeGreaterThanOrEqual(5);
    expect(steps.filter(({ expected }) => expected.length > 0).length).toBeGreaterThanOrEqual(5);
  });

  test.each(steps)("$script", { timeout: 60_000 }, async ({ script, expected }) => {
    const { code, output } = await runScript(
      script.replaceAll("http://127.0.0.1:4300", plane.url),
      plane.env,
      ROOT,
    );
    expect(output).toMatch(patternOf(expected));
    expect(code, output).toBe(0);
  });
});
