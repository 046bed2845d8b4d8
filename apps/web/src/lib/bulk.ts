/** One action over many things: a few at a time, to the end whatever fails, each failure kept with its thing. */
export interface BulkState<T> {
  readonly total: number;
  readonly done: number;
  readonly failures: readonly { readonly item: T; readonly error: unknown }[];
}

/** Requests under way at once. More would only queue in the browser, which opens six connections to one origin. */
export const BULK_AT_ONCE = 4;

/**
 * Runs `act` over `items` and tells `onProgress` after each. Nothing new is begun once `signal` aborts; what is under way ends.
 * Answers what became of it: `done` counts what was tried, failed or not.
 */
export async function runBulk<T>(
  items: readonly T[],
  act: (item: T) => Promise<unknown>,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (state: BulkState<T>) => void },
): Promise<BulkState<T>> {
  const queue = items.values();
  let state: BulkState<T> = { total: items.length, done: 0, failures: [] };
  const work = async () => {
    for (const item of queue) {
      if (signal.aborted) return;
      const failure = await act(item).then(
        () => [],
        (error: unknown) => [{ item, error }],
      );
      state = { ...state, done: state.done + 1, failures: [...state.failures, ...failure] };
      onProgress(state);
    }
  };
  await Promise.all(Array.from({ length: Math.min(BULK_AT_ONCE, items.length) }, work));
  return state;
}
