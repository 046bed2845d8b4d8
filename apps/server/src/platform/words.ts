const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
  [1_000, "s"],
] as const;

/** A length of time as people say it, one unit: `3 s`, `7 h`, `12 d`; below a second `0 s`. */
export function duration(ms: number): string {
  const length = Math.max(0, ms);
  const [size, name] = UNITS.find(([unit]) => length >= unit) ?? [1_000, "s"];
  return `${Math.floor(length / size)} ${name}`;
}

/** `1 agent`, `3 agents`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
