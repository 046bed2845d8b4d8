/** A small seeded generator (mulberry32), so that every start serves the same fleet. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<const T>(random: () => number, from: readonly T[]): T {
  // The index is below the length, and nothing here picks from an empty list.
  return from[Math.floor(random() * from.length)] as T;
}

/** An id that looks like a UUIDv7 and sorts by `at` (ms since epoch). */
export function idAt(at: number, serial: number): string {
  const time = Math.floor(at).toString(16).padStart(12, "0");
  const tail = (Math.imul(serial + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${tail.slice(0, 3)}-8${tail.slice(3, 6)}-${tail}${serial.toString(16).padStart(4, "0").slice(-4)}`;
}

export function iso(at: number): string {
  return new Date(at).toISOString();
}

/** The whole numbers from `from` to `to`, both among them. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
