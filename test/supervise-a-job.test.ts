import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "./harness/control-plane.ts";
import { patternOf, runScript, stepsOf } from "./harness/guide.ts";

// The guide to supervision, done: see harness/guide.ts.

const ROOT = resolve(import.meta.dirname, "..");
const steps = stepsOf(readFileSync(join(ROOT, "docs/guides/supervise-a-job.md"), "utf8"));

describe("the guide to supervision", () => {
  let plane: ControlPlane;
  let folder: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "flowplane-guide-"));
    symlinkSync(join(ROOT, "apps/cli/bin/flowplane.mjs"), join(folder, "flowplane"));
    plane = await startControlPlane({ command: "up" });
    await eventually("the local agent to connect", async () => {
      const { items } = await plane.client.agentList({ query: { state: "connected" } });
      return items[0];
    });
  }, 60_000);
  afterAll(async () => {
    await plane?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test("has steps, and says what they print", () => {
    expect(steps.filter(({ expected }) => expected.length > 0).length).toBeGreaterThanOrEqual(6);
  });

  test.each(steps)("$script", { timeout: 180_000 }, async ({ script, expected }) => {
    const env = { ...plane.env, PATH: `${folder}${delimiter}${plane.env["PATH"]}` };
    const { code, output } = await runScript(script, env, folder);
    expect(output).toMatch(patternOf(expected));
    expect(code, output).toBe(0);
  });
});
