import { InvalidArgumentError } from "commander";

/** Parsers of option values; what they throw commander prints, with the option's name. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `90s`, `5m`, `1h30m`, `7d`, `500ms`; a bare number is seconds. Milliseconds. */
export function parseDurationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)?/g)];
  const whole = parts.map(([part]) => part).join("");
  if (parts.length === 0 || whole !== text)
    throw new InvalidArgumentError("Write it like 90s, 5m, 1h30m or 7d.");
  const ms = parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNIT_MS[unit ?? "s"] ?? 0), 0);
  return Math.round(ms);
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
