/** The last value of a line that was reported; null when none was. */
export function last(values: readonly (number | null)[]): number | null {
  return values.findLast((value) => value !== null) ?? null;
}
