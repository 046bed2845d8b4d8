/** Where the squares of a rollout stand: pure, so that 25,000 of them can be tested without a browser. */
export interface WaveLayout {
  /** Distance from one square to the next, px. */
  readonly pitch: number;
  readonly waves: readonly { readonly width: number; readonly columns: number; readonly rows: number }[];
}

export const PITCH_MAX = 12;
export const PITCH_MIN = 2;
const WIDTH_MIN = 112;

/**
 * Widths of the waves in the room there is, each by its number of agents but never below what its words need, and the
 * largest squares with which no wave is higher than `height`; below the smallest squares the waves grow instead.
 */
export function layoutWaves(
  sizes: readonly number[],
  room: { width: number; height: number; gap: number },
): WaveLayout {
  const widths = widthsFor(sizes, room.width - room.gap * Math.max(0, sizes.length - 1));
  for (let pitch = PITCH_MAX; ; pitch -= 1) {
    const waves = sizes.map((size, index) => {
      const width = widths[index] ?? WIDTH_MIN;
      const columns = Math.max(1, Math.floor(width / pitch));
      return { width, columns, rows: Math.max(1, Math.ceil(size / columns)) };
    });
    if (pitch <= PITCH_MIN || waves.every(({ rows }) => rows * pitch <= room.height)) return { pitch, waves };
  }
}

function widthsFor(sizes: readonly number[], width: number): number[] {
  const least = Math.min(WIDTH_MIN, width / Math.max(1, sizes.length));
  const spare = width - least * sizes.length;
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size) => Math.floor(least + (total === 0 ? 0 : (spare * size) / total)));
}

/** Which square is at a point of its wave, from 0; undefined beside them. */
export function squareAt(
  x: number,
  y: number,
  { pitch, columns, count }: { pitch: number; columns: number; count: number },
): number | undefined {
  const [column, row] = [Math.floor(x / pitch), Math.floor(y / pitch)];
  const index = row * columns + column;
  return column < 0 || column >= columns || row < 0 || index >= count ? undefined : index;
}

/** Places of each letter in a wave, so that squares of one look are drawn together. */
export function placesByLetter(letters: string): ReadonlyMap<string, readonly number[]> {
  const places = new Map<string, number[]>();
  for (let index = 0; index < letters.length; index += 1) {
    const letter = letters[index] ?? "";
    const list = places.get(letter);
    if (list === undefined) places.set(letter, [index]);
    else list.push(index);
  }
  return places;
}
