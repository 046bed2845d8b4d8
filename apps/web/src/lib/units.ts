const UNITS = ["B", "KB", "MB", "GB", "TB"] as const;

/** "812 B", "14.2 KB", "3.0 GB": decimal units, one decimal below 100. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? ""}`;
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
