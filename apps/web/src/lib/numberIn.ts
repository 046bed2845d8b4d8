export interface Range {
  readonly min: number;
  readonly max: number;
  readonly unit: string;
}

/** A number as typed: undefined when nothing stands there, a sentence when it is none or out of its range. */
export function numberIn(text: string, { min, max, unit }: Range): number | undefined | { problem: string } {
  if (text.trim() === "") return undefined;
  const value = Number(text);
  const tail = unit === "" ? "" : ` ${unit}`;
  if (Number.isNaN(value)) return { problem: `“${text.trim().slice(0, 40)}” is not a number.` };
  if (value < min) return { problem: `At least ${Math.round(min * 100) / 100}${tail}.` };
  return value > max ? { problem: `At most ${max}${tail}.` } : value;
}
