import { spawn } from "node:child_process";

export interface Outcome {
  /** 0 is success; 127 when the program can't be started at all. */
  readonly code: number;
  /** Both streams, trimmed. */
  readonly output: string;
}

/** Runs a short program to its end; never rejects. */
export function run(
  argv: readonly string[],
  options: { env?: NodeJS.ProcessEnv; uid?: number; gid?: number } = {},
) {
  const [program = "", ...args] = argv;
  return new Promise<Outcome>((resolve) => {
    const child = spawn(program, args, { ...options, cwd: "/", stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.once("error", (error) => resolve({ code: 127, output: error.message }));
    child.once("close", (code) => resolve({ code: code ?? 128, output: output.trim() }));
  });
}
