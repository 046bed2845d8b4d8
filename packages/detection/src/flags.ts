/** What one look at a line finds. */
export const Flag = {
  failure: 1 << 0,
  retry: 1 << 1,
  restart: 1 << 2,
  success: 1 << 3,
  waiting: 1 << 4,
  /** A failure on the side of whoever uses this server. */
  peer: 1 << 5,
  exit: 1 << 6,
  memory: 1 << 7,
  /** Begins with a time of its own. */
  stamped: 1 << 9,
  /** Looks as if it went on with the line before. */
  continuation: 1 << 10,
  empty: 1 << 11,
  trace: 1 << 12,
  /** Another program cannot be reached. */
  connect: 1 << 15,
  /** Speaks of an action or what was observed, as agents' transcripts do. */
  action: 1 << 16,
} as const;
