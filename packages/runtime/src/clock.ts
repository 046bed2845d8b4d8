/** Milliseconds since the epoch. Everything that reads time takes one of these, so that tests own time. */
export type Clock = () => number;

/** A number in [0, 1). Passed wherever chance is needed, so that a seed reproduces a run. */
export type Random = () => number;

export const systemClock: Clock = () => Date.now();
