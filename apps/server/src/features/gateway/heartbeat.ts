/** Heartbeats are asked for at this interval with every settings offer. */
export const HEARTBEAT_SECONDS = 30;
