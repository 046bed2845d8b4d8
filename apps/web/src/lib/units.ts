const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/**
 * "812 B", "14.2 KiB", "64 MiB": powers of 1024, as the command line says them and limits are written. One decimal below 100, none
 * where it would be a zero.
 */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 1_023.5 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${Number(value.toFixed(unit === 0 || value >= 100 ? 0 : 1))} ${UNITS[unit] ?? ""}`;
}

/** "1,412" in the reader's locale. */
export function number(count: number): string {
  return formatter.format(count);
}

/** "1 agent", "25,000 agents". */
export function counted(
  count: number,
  noun: string,
  plural = `${noun.replace(/([^aeiou])y$/, "$1ie")}s`,
): string {
  return `${number(count)} ${count === 1 ? noun : plural}`;
}

const formatter = new Intl.NumberFormat();
