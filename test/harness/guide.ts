import { spawn } from "node:child_process";
import { once } from "node:events";

// Documents that are done: each block marked `sh` is run in order, and must print what the `text` block right after it says.
// In those, … stands for anything.

export interface Step {
  readonly script: string;
  readonly expected: readonly string[];
}

export function stepsOf(markdown: string): Step[] {
  const blocks = [...markdown.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, script = ""], index) => {
    if (language !== "sh") return [];
    const [, nextLanguage, next = ""] = blocks[index + 1] ?? [];
    return [{ script, expected: nextLanguage === "text" ? next.trimEnd().split("\n") : [] }];
  });
}

/** The lines in this order, whatever is between them; … is anything within a line, and blanks are any blanks. */
export function patternOf(lines: readonly string[]): RegExp {
  const patterns = lines.map((line) =>
    line
      .trim()
      .split("…")
      .map((part) => part.trim().split(/\s+/).map(RegExp.escape).join("\\s+"))
      .join(".*"),
  );
  return new RegExp(patterns.join("[^]*?"));
}

export async function runScript(script: string, env: Record<string, string>, cwd: string) {
  const child = spawn("sh", ["-c", script], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}
