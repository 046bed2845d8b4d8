/** Exit codes as shells use them: a command that is not there, and one that is there and cannot be started. */
export const NOT_FOUND = 127;
export const NOT_STARTED = 126;

/** Why a run is not started. `isFinal`: trying again cannot help. */
export type Refusal = { exitCode: number; reason: string; isFinal: boolean };

/** What cannot be started as it is described, now or ever. */
export function refuse(reason: string): Refusal {
  return { exitCode: NOT_STARTED, reason, isFinal: true };
}

/** What cannot be started now: a file that is missing may appear. */
export function refuseForNow(exitCode: number, reason: string): Refusal {
  return { exitCode, reason, isFinal: false };
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "exitCode" in value && "reason" in value;
}
