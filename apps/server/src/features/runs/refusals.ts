import { endWords, type RunState } from "@flowplane/contract";

/** A run's state inside a refusal: `has already succeeded`, `is running`. */
export function describeEnd(run: {
  state: RunState;
  exit_code: number | null;
  signal: string | null;
}): string {
  switch (run.state) {
    case "QUEUED":
    case "STARTING":
    case "RUNNING":
    case "STOPPING":
    case "LOST":
    case "FAILED_STOP":
      return endWords(run);
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
      return `has already ${endWords(run)}`;
  }
}
