import type { LogLine } from "@flowplane/link";
import { isTerminal, type RunState } from "@flowplane/contract";
import type { Ctx } from "../../../platform/context.ts";
import { EVENT_BYTES_MAX, EVENT_LINES_MAX } from "./limits.ts";
import { pieces } from "./lines.ts";
import { watchRun, type LiveState } from "./live-run.ts";
import type { RunLog } from "./read.ts";
import { storedLines } from "./segments.ts";

export type Followed =
  | { readonly kind: "lines"; readonly lines: readonly LogLine[] }
  | { readonly kind: "end"; readonly state: RunState; readonly exit_code: number | null };

/**
 * A run's log from a line on, as it grows, until the run has ended and every line was given, or `signal` aborts.
 *
 * The reader pulls, with the number of the line it needs next: from the live lines where they hold it, else from the
 * stored segments, else it waits. So lines come in order, once and without a gap whatever is lost, repeated or late on
 * the way, and a slow reader costs no memory: it falls back to the segments.
 */
export async function* followLog(
  ctx: Ctx,
  run: RunLog,
  fromSeq: number,
  signal: AbortSignal,
): AsyncGenerator<Followed> {
  using watch = watchRun(ctx, run, fromSeq, signal);
  let next = fromSeq;
  while (!signal.aborted) {
    const { version, state } = watch;
    const live = watch.tail.from(next, EVENT_LINES_MAX);
    if (live.length > 0) {
      for (const lines of pieces(live, EVENT_LINES_MAX, EVENT_BYTES_MAX)) {
        yield { kind: "lines", lines };
        next = (lines.at(-1)?.seq ?? next) + 1;
      }
    } else if (state.log_stored_seq >= next) {
      for await (const segment of storedLines(ctx, run.id, next, state.log_stored_seq))
        for (const lines of pieces(segment, EVENT_LINES_MAX, EVENT_BYTES_MAX)) {
          yield { kind: "lines", lines };
          if (signal.aborted) return;
        }
      next = state.log_stored_seq + 1;
    } else if (isOver(state, next)) {
      yield { kind: "end", state: state.state, exit_code: state.exit_code };
      return;
    } else {
      await watch.next(next, version);
    }
  }
}

/** After a presumed end nobody knows how many lines there are: what is stored is what there is. */
function isOver(state: LiveState, next: number): boolean {
  return isTerminal(state.state) && (state.log_last_seq === null || next > state.log_last_seq);
}
