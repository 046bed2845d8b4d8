import { CommanderError } from "commander";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { explain } from "./failure.ts";
import { createOutput } from "./output.ts";
import { buildProgram } from "./program.ts";

/** Runs one command line and returns the exit code. Whatever goes wrong is said on stderr, in a sentence. */
export async function main(args: readonly string[]): Promise<number> {
  const output = createOutput(process.stdout, process.stderr, process.env);
  const context: Context = { env: process.env, output, now: Date.now, exitCode: EXIT.ok };
  try {
    await buildProgram(context).parseAsync(args, { from: "user" });
    return context.exitCode;
  } catch (error) {
    // Commander has printed help, version or its complaint already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    const { lines, exitCode } = explain(error, Boolean(process.env["FLOWPLANE_DEBUG"]));
    const [first = "", ...more] = lines;
    output.note(`flowplane: ${first}`);
    for (const line of more) output.note(line.startsWith(" ") ? line : `  ${line}`);
    return exitCode;
  }
}
