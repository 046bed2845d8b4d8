import type { ApplyEvents } from "./link.ts";

/** For tests in which no agent reports a run. */
export const applyNothing: ApplyEvents = async () => undefined;
