import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually, startControlPlane, type ControlPlane } from "./harness/control-plane.ts";

// The README's tour, done: each block marked `sh` is run in order on a fresh data folder, and must print what the `text`
// block after it says. In those, … stands for anything.

const ROOT = resolve(import.meta.dirname, "..");

interface Step {
  readonly script: string;
  readonly expected: readonly string[];
}

const steps = stepsOf(readFileSync(join(ROOT, "README.md"), "utf8"));

function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, script = ""], index) => {
    if (language !== "sh") return [];
    const [, nextLanguage, next = ""] = blocks[index + 1] ?? [];
    return [{ script, expected: nextLanguage === "text" ? next.trimEnd().split("\n") : [] }];
  });
}

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
    );
    expect(output).toMatch(patternOf(expected));
    expect(code, output).toBe(0);
  });
});

/** The lines in this order, whatever is between them; … is anything within a line, and blanks are any blanks. */
function patternOf(lines: readonly string[]): RegExp {
  const patterns = lines.map((line) =>
    line
      .trim()
      .split("…")
      .map((part) => part.trim().split(/\s+/).map(RegExp.escape).join("\\s+"))
      .join(".*"),
  );
  return new RegExp(patterns.join("[^]*?"));
}

async function runScript(script: string, env: Record<string, string>) {
  const child = spawn("sh", ["-c", script], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}
