import { styleText } from "node:util";
import { EXIT } from "./exit-codes.ts";
import { layOutTable, type Column } from "./table.ts";

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "gray";

/** Where a command writes: results to stdout, everything about them to stderr. */
export interface Output {
  /** A line of a result. */
  print(line: string): void;
  /** A remark for the person, on stderr. */
  note(line: string): void;
  /** The API's objects, on stdout, indented. */
  json(value: unknown): void;
  /** One object on one line, for results that come bit by bit. */
  jsonLine(value: unknown): void;
  table<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): void;
  style(style: Style, text: string): string;
  /** Bytes as they are; waits for a slow reader. */
  write(stream: "stdout" | "stderr", bytes: Uint8Array): Promise<void>;
  readonly interactive: boolean;
}

const COLUMNS_DEFAULT = 80;

export function createOutput(
  stdout: NodeJS.WriteStream,
  stderr: NodeJS.WriteStream,
  env: NodeJS.ProcessEnv,
): Output {
  const colours = wantsColour(stdout.isTTY, env);
  for (const stream of [stdout, stderr]) stream.on("error", leaveWhenClosed);
  return {
    print: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    json: (value) => void stdout.write(`${JSON.stringify(value, null, 2)}\n`),
    jsonLine: (value) => void stdout.write(`${JSON.stringify(value)}\n`),
    table: (columns, rows) => {
      const width = stdout.isTTY ? (stdout.columns ?? COLUMNS_DEFAULT) : null;
      stdout.write(`${layOutTable(columns, rows, width).join("\n")}\n`);
    },
    style: (style, text) => (colours ? styleText(style, text, { validateStream: false }) : text),
    write: (name, bytes) => writeAll(name === "stdout" ? stdout : stderr, bytes),
    interactive: stdout.isTTY === true && stderr.isTTY === true,
  };
}

/** Colours only on a terminal; NO_COLOR (any value) turns them off, FORCE_COLOR turns them on anywhere. */
export function wantsColour(isTerminal: boolean | undefined, env: NodeJS.ProcessEnv): boolean {
  if (env["NO_COLOR"] !== undefined && env["NO_COLOR"] !== "") return false;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined && forced !== "") return forced !== "0" && forced !== "false";
  return isTerminal === true && env["TERM"] !== "dumb";
}

function writeAll(stream: NodeJS.WriteStream, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** `flowplane ps | head` ends like any other command whose reader has gone. */
function leaveWhenClosed(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(EXIT.outputClosed);
  throw error;
}
