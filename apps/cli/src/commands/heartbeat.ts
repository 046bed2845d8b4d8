import { appendFileSync } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import { plainCommand, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";

export function declareHeartbeat(program: Command, context: Context): void {
  plainCommand(program, "heartbeat", "From inside a run: say that it gets on")
    .option("--progress <n>", "how far it is; a number that grows", parseProgress)
    .addHelpText(
      "after",
      `
Only a line is appended to the file that the variable FLOWPLANE_HEARTBEAT_FILE names, so a job may do that itself:
  echo 42 >> "$FLOWPLANE_HEARTBEAT_FILE"`,
    )
    .action((options: { progress?: number }) => heartbeat(context, options));
}

function heartbeat({ env }: Context, { progress }: { progress?: number }): void {
  const file = env["FLOWPLANE_HEARTBEAT_FILE"];
  if (file === undefined || file === "") {
    throw new CliError("This is no run: FLOWPLANE_HEARTBEAT_FILE is not set.", {
      exitCode: EXIT.usage,
      advice: "Call it from inside a command that was launched with `flowplane run`.",
    });
  }
  // The agent makes the file before the run begins; where it is missing, the run is over, and nobody would read it.
  appendFileSync(file, progress === undefined ? "\n" : `${progress}\n`, { flag: "a" });
}

function parseProgress(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It must be a number.");
  return value;
}
