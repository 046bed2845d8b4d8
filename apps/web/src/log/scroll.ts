/**
 * Scrolling through more lines than a browser can give pixels to. The place is a line with a fraction (`pos`); the
 * scroll bar shows it scaled down once the log is taller than `HEIGHT_PX_MAX` (browsers stop near 17 million pixels).
 */
export const ROW_PX = 20;
export const HEIGHT_PX_MAX = 8_000_000;

export interface ScrollScale {
  /** Height of the scrolled content in px. */
  readonly height: number;
  /** Log pixels for each pixel of the scroll bar; 1 for all but giant logs. */
  readonly scale: number;
}

export function scrollScale(maxPos: number, viewPx: number): ScrollScale {
  const range = maxPos * ROW_PX;
  const shown = Math.min(range, HEIGHT_PX_MAX);
  return { height: shown + viewPx, scale: shown === 0 ? 1 : range / shown };
}

export function topOf(pos: number, { scale }: ScrollScale): number {
  return (pos * ROW_PX) / scale;
}

/**
 * Where the log stands after the scroll bar moved from `before` to `after`. In a scaled log a small step is a wheel or a
 * key and moves by its own pixels, so that no line is jumped over; a large one is the bar being dragged.
 */
export function posAfterScroll(
  pos: number,
  before: number,
  after: number,
  viewPx: number,
  { scale }: ScrollScale,
): number {
  const step = after - before;
  if (scale > 1 && Math.abs(step) <= viewPx * 1.5) return pos + step / ROW_PX;
  return (after * scale) / ROW_PX;
}
