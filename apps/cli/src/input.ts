import { InvalidArgumentError } from "commander";
import { MIB, readCores, readDuration, readSize } from "./amounts.ts";

/** Parsers of option values; what they throw commander prints, with the option's name. */

/** `90s`, `5m`, `1h30m`, `7d`, `500ms`; a bare number is seconds. Milliseconds. */
export function parseDurationMs(text: string): number {
  const ms = readDuration(text);
  if (ms === null) throw new InvalidArgumentError("Write it like 90s, 5m, 1h30m or 7d.");
  return ms;
}

/** `512m`, `1.5g`: whole MiB, rounded up. */
export function parseSizeMib(text: string): number {
  const bytes = readSize(text);
  if (bytes === null) throw new InvalidArgumentError("Write it like 512m or 1.5g.");
  return Math.ceil(bytes / MIB);
}

/** `0.5`, `2`: cores, as thousandths of one. */
export function parseMillicores(text: string): number {
  const millicores = readCores(text);
  if (millicores === null) throw new InvalidArgumentError("Write it like 0.5 or 2.");
  return millicores;
}

export function parseInteger(text: string): number {
  if (!/^-?\d{1,9}$/.test(text)) throw new InvalidArgumentError("It must be a whole number.");
  return Number(text);
}

export function collectWords(text: string, previous: readonly string[] = []): string[] {
  return [...previous, text];
}

/** `VARIABLE=SECRET`, or one name that is both. */
export function collectSecrets(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return collectPairs(text.includes("=") ? text : `${text}=${text}`, previous);
}

export function parseDurationSeconds(text: string): number {
  return Math.ceil(parseDurationMs(text) / 1_000);
}

export function parseCount(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1)
    throw new InvalidArgumentError("It must be a whole number from 1 on.");
  return value;
}

/** Collects `key=value` options; the last of one key wins. */
export function collectPairs(
  text: string,
  previous: Readonly<Record<string, string>> = {},
): Record<string, string> {
  const equals = text.indexOf("=");
  if (equals < 1) throw new InvalidArgumentError("Write it like key=value.");
  return { ...previous, [text.slice(0, equals)]: text.slice(equals + 1) };
}

/** Like `collectPairs`; a bare name takes the value it has in `env`, and is left out when it has none. */
export function environmentCollector(env: Readonly<Record<string, string | undefined>>) {
  return (text: string, previous: Readonly<Record<string, string>> = {}): Record<string, string> => {
    if (text.includes("=")) return collectPairs(text, previous);
    const value = env[text];
    return value === undefined ? { ...previous } : { ...previous, [text]: value };
  };
}

/** A value, or everything on stdin for `-`; secrets on a command line can be read by every user of the machine. */
export async function readSecret(value: string, stdin: AsyncIterable<Buffer>): Promise<string> {
  if (value !== "-") return value.trim();
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8").trim();
}
