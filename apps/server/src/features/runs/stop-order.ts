import type { RunStop } from "@flowplane/link";
import type { ActorRef } from "@flowplane/contract";

/** A person's wish to end a run, as the run keeps it. */
export interface StopWish {
  readonly mode: "stop" | "kill";
  readonly actor: ActorRef;
  readonly reason: string;
  readonly requested_at: string;
}

/** The order to the agent that carries out a wish. */
export function stopPayload(runId: string, wish: StopWish, graceMs: number, traceparent?: string): RunStop {
  return {
    run_id: runId,
    mode: wish.mode,
    grace_ms: wish.mode === "kill" ? 0 : graceMs,
    reason: wish.reason,
    actor: wish.actor.name,
    // Whoever wants it to end wants no further attempt either.
    for_good: true,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}
