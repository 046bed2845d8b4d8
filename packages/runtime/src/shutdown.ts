/** The part of `process` that shutdown needs; tests pass an emitter. */
export type SignalSource = {
  on(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(event: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
};

export type Shutdown = Disposable & {
  /** Aborts at the first SIGINT or SIGTERM: finish in order. */
  readonly graceful: AbortSignal;
  /** Aborts at the second one, or when `graceMs` has passed since the first: stop now. */
  readonly now: AbortSignal;
  /** Starts the same stop from within. */
  begin(reason: string): void;
};

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * Turns SIGINT and SIGTERM into two abort signals. The default action of both signals is off until the result is disposed.
 * The grace timer does not keep the process alive.
 */
export function listenForShutdown(options: { graceMs: number; source?: SignalSource }): Shutdown {
  const { graceMs, source = process } = options;
  const graceful = new AbortController();
  const now = new AbortController();
  let timer: NodeJS.Timeout | undefined;

  const begin = (reason: string) => {
    if (graceful.signal.aborted) return;
    timer = setTimeout(() => now.abort(new Error(`stopping took longer than ${graceMs} ms`)), graceMs);
    timer.unref();
    graceful.abort(new Error(reason));
  };
  const onSignal = (name: NodeJS.Signals) => {
    if (graceful.signal.aborted) now.abort(new Error(`second signal (${name})`));
    else begin(name);
  };
  for (const name of SIGNALS) source.on(name, onSignal);

  return {
    graceful: graceful.signal,
    now: now.signal,
    begin,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const name of SIGNALS) source.off(name, onSignal);
    },
  };
}
