import type { ActorRef, RunState } from "@flowplane/contract";

/** How a run's end is said in a title or a sentence, without its time: `failed with exit code 3`. */
export function endWords(run: { state: RunState; exit_code: number | null; signal: string | null }): string {
  switch (run.state) {
    case "SUCCEEDED":
      return "succeeded";
    case "FAILED":
      if (run.signal !== null) return `failed: ended by ${run.signal}`;
      return run.exit_code === null ? "failed" : `failed with exit code ${run.exit_code}`;
    case "STOPPED":
      return "stopped";
    case "TIMED_OUT":
      return "ended at its time limit";
    case "FAILED_STOP":
      return "could not be stopped";
    case "LOST":
      return "was lost";
    case "QUEUED":
      return "is queued";
    case "STARTING":
      return "is starting";
    case "RUNNING":
      return "is running";
    case "STOPPING":
      return "is stopping";
  }
}

export function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A reason as the tail of a sentence: exactly one full stop at its end. */
export function withFullStop(text: string): string {
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}

/** Who did something on his own account: the control plane itself. */
export const CONTROL_PLANE: ActorRef = { type: "system", id: "flowplane", name: "Flowplane" };
