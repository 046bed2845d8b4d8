// Amounts as people write them in options and files. Each parser returns null for what it cannot read.

const SIZE = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i;
const SIZE_UNITS = ["", "k", "m", "g", "t"];

/** `512m`, `1.5g`, `1GiB`, `1048576`: bytes, powers of 1024. */
export function readSize(text: string): number | null {
  const match = SIZE.exec(text.trim());
  if (match === null) return null;
  const power = SIZE_UNITS.indexOf((match[2] ?? "").toLowerCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** `90s`, `1h30m`, `500ms`, `7d`; a bare number is seconds. Milliseconds. */
export function readDuration(text: string): number | null {
  const parts = [...text.trim().matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)?/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text.trim()) return null;
  return Math.round(
    parts.reduce((sum, [, number, unit]) => sum + Number(number) * (DURATION_UNITS_MS[unit ?? "s"] ?? 0), 0),
  );
}

/** `0.5`, `2`: cores, as thousandths of one. */
export function readCores(text: string): number | null {
  const cores = /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isNaN(cores) || cores === 0 ? null : Math.round(cores * 1_000);
}

export const MIB = 1024 * 1024;
