/** A part of a program that lives until its signal aborts. */
export type Task = { name: string; run: (signal: AbortSignal) => Promise<void> };

/**
 * Runs all tasks until the first one ends or `signal` aborts; then every task is told to stop, and the call
 * settles only after all of them have. Nobody outlives it.
 *
 * Resolves when the tasks stopped in order. Rejects with `"<name> failed"`, the original error as `cause`, when one
 * threw; when more than one did, with an `AggregateError` of those, the first to fail first. An error a task
 * throws because it was told to stop (an `AbortError`, or the signal's own reason) is no failure.
 */
export async function runAll(tasks: readonly Task[], signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const stopAll = () => stop.abort(signal.reason);
  if (signal.aborted) stopAll();
  signal.addEventListener("abort", stopAll, { once: true });

  const failures: Error[] = [];
  const runOne = async (task: Task) => {
    try {
      await task.run(stop.signal);
    } catch (cause) {
      if (!isStopError(cause, stop.signal)) failures.push(new Error(`${task.name} failed`, { cause }));
    } finally {
      stop.abort();
    }
  };
  await Promise.all(tasks.map(runOne));
  signal.removeEventListener("abort", stopAll);

  const [first, ...others] = failures;
  if (first === undefined) return;
  if (others.length === 0) throw first;
  throw new AggregateError(failures, failures.map((failure) => failure.message).join(", "));
}

function isStopError(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return error === signal.reason || (error instanceof Error && error.name === "AbortError");
}
