/** How often the log is asked at most to find the line of a moment: a bisection of a billion lines takes 30. */
const READS_MAX = 30;

/**
 * The first line (1 to `count`) not before the moment `at` (ms). `readAt` gives a line's time, or undefined when it is not there;
 * then the best line so far is answered. Times never go backwards in a log; 0 when there is no line.
 */
export async function findLineAt(
  at: number,
  count: number,
  readAt: (seq: number) => Promise<number | undefined>,
): Promise<number> {
  let [low, high] = [1, count];
  for (let reads = 0; low < high && reads < READS_MAX; reads += 1) {
    const middle = Math.floor((low + high) / 2);
    const time = await readAt(middle);
    if (time === undefined) break;
    if (time < at) low = middle + 1;
    else high = middle;
  }
  return Math.min(low, count);
}
