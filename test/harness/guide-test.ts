import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "./control-plane.ts";
import { patternOf, runScript, stepsOf } from "./guide.ts";

const ROOT = resolve(import.meta.dirname, "../..");

export interface GuideOptions {
  /** Longest time for one of its steps, ms. */
  readonly stepMs?: number;
  /** Steps that say what they print; fewer mean that the document was not read. */
  readonly stepsMin?: number;
  /** Whatever the steps need beside a control plane and its local agent; gives what is added to their environment. */
  readonly prepare?: (plane: ControlPlane, folder: string) => Promise<Record<string, string>>;
}

/** Does what a document under docs/guides says, in a folder of its own, with `flowplane` on the PATH: see guide.ts. */
export function testGuide(name: string, document: string, options: GuideOptions = {}): void {
  const { stepMs = 60_000, stepsMin = 6, prepare } = options;
  const steps = stepsOf(readFileSync(join(ROOT, "docs/guides", document), "utf8"));

  describe(name, () => {
    let plane: ControlPlane;
    let folder: string;
    let added: Record<string, string> = {};

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "flowplane-guide-"));
      symlinkSync(join(ROOT, "apps/cli/bin/flowplane.mjs"), join(folder, "flowplane"));
      plane = await startControlPlane({ command: "up" });
      await eventually("the local agent to connect", async () => {
        const { items } = await plane.client.agentList({ query: { state: "connected" } });
        return items[0];
      });
      added = (await prepare?.(plane, folder)) ?? {};
    }, stepMs);
    afterAll(async () => {
      await plane?.[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    test("has steps, and says what most of them print", () => {
      expect(steps.filter(({ expected }) => expected.length > 0).length).toBeGreaterThanOrEqual(stepsMin);
    });

    test.each(steps)("$script", { timeout: stepMs }, async ({ script, expected }) => {
      const env = { ...plane.env, ...added, PATH: `${folder}${delimiter}${plane.env["PATH"]}` };
      const { code, output } = await runScript(script, env, folder);
      expect(output).toMatch(patternOf(expected));
      expect(code, output).toBe(0);
    });
  });
}
