/** What Ctrl-C means while a run is watched: first ask for something, then leave. */
export interface Interrupts extends Disposable {
  /** Aborts at the second signal. */
  readonly left: AbortSignal;
}

const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Calls `onFirst` at the first SIGINT or SIGTERM; the second one aborts `left`. */
export function watchInterrupts(onFirst: () => void): Interrupts {
  const leave = new AbortController();
  let seen = 0;
  const onSignal = () => {
    seen += 1;
    if (seen === 1) onFirst();
    else leave.abort();
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return {
    left: leave.signal,
    [Symbol.dispose]() {
      for (const name of SIGNALS) process.off(name, onSignal);
    },
  };
}
