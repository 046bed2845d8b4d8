// Writes docs/reference/cli.md from the command tree. Run it with `node scripts/generate-reference.ts`; a test compares.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { EXIT_MEANINGS } from "../apps/cli/src/exit-codes.ts";
import { createOutput } from "../apps/cli/src/output.ts";
import { buildProgram } from "../apps/cli/src/program.ts";

type Command = ReturnType<typeof buildProgram>;
type Option = Command["options"][number];
type Argument = Command["registeredArguments"][number];

export const REFERENCE_FILE = fileURLToPath(new URL("../docs/reference/cli.md", import.meta.url));

const INTRODUCTION = `# The \`flowplane\` command

<!-- Made by scripts/generate-reference.ts from the command itself. Change the command, then run it again. -->

From the repository root it is \`npx flowplane\`. Results go to stdout, everything about them to stderr. Tables are for
people and may change; programs use \`--json\`, which prints the objects of the REST API as they are: one document, or
for results that come bit by bit (\`run\`, \`logs\`, \`audit export\`) one object a line. Colours appear only on a terminal,
and never when \`NO_COLOR\` is set.

**RUN** is an id, at least four characters of its beginning or end (tables show the last eight), or \`-\` or \`@last\` for the
newest run. **AGENT** is a name, a hostname, an id or a part of one. A **duration** is written like \`90s\`, \`5m\`, \`1h30m\` or \`7d\`.

## Which control plane, and as whom

The most explicit wins.

| | address | key |
| --- | --- | --- |
| 1 | \`--url\` | \`FLOWPLANE_API_KEY\` |
| 2 | \`FLOWPLANE_URL\` | \`admin.key\` in \`FLOWPLANE_DATA\`, when that is set and the address is on this machine |
| 3 | the control plane that was started on \`FLOWPLANE_DATA\`, when that is set | the login to this address |
| 4 | the last \`flowplane login\` | \`admin.key\` in the default data folder, when the address is on this machine |
| 5 | the control plane started last on the default data folder, else \`http://127.0.0.1:4300\` | |

Where no key is found and no address was given, this machine's agent is asked itself, if one runs on \`agent\` in the data folder; \`--local\` asks it in
any case. It knows its own runs, their logs, timelines and incidents; jobs, policies, secrets and people are kept by a control plane.

An \`admin.key\` is never sent to another machine. \`flowplane whoami\` says what was found, and where.
`;

/** The whole reference as Markdown. */
export function generateReference(): string {
  const output = createOutput(process.stdout, process.stderr, {});
  const program = buildProgram({ env: {}, output, now: Date.now, exitCode: 0 });
  const commands = leavesOf(program);
  const sections = commands.map(({ path, command }) => describeCommand(path, command));
  const contents = commands.map(
    ({ path, command }) => `| [\`${path}\`](#${anchor(path)}) | ${command.summary()} |`,
  );
  return [
    INTRODUCTION,
    "## Exit codes\n",
    "| code | meaning |\n| --- | --- |",
    ...EXIT_MEANINGS.map(([code, meaning]) => `| ${code} | ${meaning.replaceAll("|", "\\|")} |`),
    "\n## Commands\n",
    "| command | |\n| --- | --- |",
    ...contents,
    "",
    ...sections,
  ].join("\n");
}

interface Leaf {
  readonly path: string;
  readonly command: Command;
}

function leavesOf(command: Command, parents: readonly string[] = []): Leaf[] {
  const path = [...parents, command.name()];
  const children = command
    .createHelp()
    .visibleCommands(command)
    .filter((child) => child.name() !== "help");
  if (children.length === 0) return [{ path: path.join(" "), command }];
  return children.flatMap((child) => leavesOf(child, path));
}

function describeCommand(path: string, command: Command): string {
  const usage = [path, command.usage()].join(" ").trim();
  const lines = [`### ${path}`, "", `${command.description()}.`, "", "```text", usage, "```", ""];
  const args = command.registeredArguments.map(
    (argument) => `| \`${argumentWord(argument)}\` | ${describeArgument(argument)} |`,
  );
  const options = command
    .createHelp()
    .visibleOptions(command)
    .filter((option) => option.long !== "--help")
    .toSorted((a, b) => Number(isCommon(a)) - Number(isCommon(b)))
    .map((option) => `| \`${option.flags}\` | ${describeOption(option)} |`);
  const rows = [...args, ...options];
  if (rows.length > 0) lines.push("| | |", "| --- | --- |", ...rows, "");
  return lines.join("\n");
}

/** Options every command has stand last. */
function isCommon(option: Option): boolean {
  return option.long === "--json" || option.long === "--url";
}

function argumentWord(argument: Argument): string {
  return `${argument.name()}${argument.variadic ? "…" : ""}`;
}

function describeArgument(argument: Argument): string {
  return [argument.description, choices(argument.argChoices)].filter(Boolean).join("; ");
}

function describeOption(option: Option): string {
  const preset =
    option.defaultValue === undefined || option.defaultValue === false
      ? ""
      : `default: ${String(option.defaultValue)}`;
  return [option.description, choices(option.argChoices), preset]
    .filter(Boolean)
    .join("; ")
    .replaceAll("|", "\\|");
}

function choices(values: readonly string[] | undefined): string {
  return values === undefined ? "" : values.map((value) => `\`${value}\``).join(", ");
}

function anchor(path: string): string {
  return path.replaceAll(" ", "-");
}

if (import.meta.main) writeFileSync(REFERENCE_FILE, generateReference());
