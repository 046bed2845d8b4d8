import type { Command } from "commander";
import { complete } from "../complete.ts";
import { COMPLETION_SCRIPTS, type Shell } from "../completion-scripts.ts";
import { plainCommand, type Context } from "../context.ts";

export function declareCompletion(program: Command, context: Context): void {
  const completion = plainCommand(program, "completion", "Print the shell completion script");
  completion.addArgument(completion.createArgument("<shell>", "your shell").choices(["bash", "zsh", "fish"]));
  completion
    .addHelpText(
      "after",
      `
Add to your shell's start-up file:
  bash   eval "$(flowplane completion bash)"
  zsh    eval "$(flowplane completion zsh)"
  fish   flowplane completion fish | source`,
    )
    .action((shell: Shell) => context.output.print(COMPLETION_SCRIPTS[shell].trim()));

  program
    .command("__complete", { hidden: true })
    .description(
      "Print what may stand at the last of these words, one candidate a line, a tab before its meaning",
    )
    .argument("[words...]")
    .allowUnknownOption()
    .passThroughOptions()
    .helpOption(false)
    .action(async (words: string[]) => {
      for (const { value, meaning } of await complete(program, context, words)) {
        context.output.print(meaning === "" ? value : `${value}\t${meaning}`);
      }
    });
}
