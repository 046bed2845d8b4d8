/** Bodies being received or stored at a time on this process, and the bytes of them held in memory, inflated. */
export const BODIES_AT_ONCE_MAX = 2_000;
export const BODY_BYTES_AT_ONCE_MAX = 256 * 1024 * 1024;
/** What a body whose inflated size is not known yet counts for: gzip makes such text about ten times smaller. */
export const INFLATION_EXPECTED = 10;

/** Bodies of one agent: so many at once after a quiet time, then so many a second. Over all three signals. */
export const AGENT_BODIES_BURST = 120;
export const AGENT_BODIES_PER_SECOND = 4;
/** Data points, log records and spans of one agent. */
export const AGENT_ITEMS_BURST = 150_000;
export const AGENT_ITEMS_PER_SECOND = 5_000;
/** Agents whose allowance is remembered; one that is forgotten begins with a full one. */
export const AGENTS_REMEMBERED_MAX = 100_000;

/** Reports are gathered this long, then written together. */
export const WRITE_INTERVAL_MS = 100;
/** In one statement. */
export const REPORTS_PER_BATCH = 500;
export const LOGS_PER_BATCH = 5_000;
/** Reports and log records that wait to be written; more are refused until the database follows. */
export const REPORTS_WAITING_MAX = 20_000;
export const LOGS_WAITING_MAX = 100_000;

/** Series that one agent had before every other, and series of one organization in all. */
export const SERIES_PER_AGENT_MAX = 2_000;
export const SERIES_PER_ORGANIZATION_MAX = 200_000;
/** Series known by key on this process. */
export const SERIES_REMEMBERED_MAX = 500_000;
/** Nobody reported on it for so long: it is forgotten. Longer than reports are kept at most. */
export const SERIES_KEPT_DAYS = 35;

/** Log records kept of one agent. */
export const LOGS_PER_AGENT_MAX = 5_000;

/** Spans in one statement, and spans that wait to be written. */
export const SPANS_PER_BATCH = 5_000;
export const SPANS_WAITING_MAX = 100_000;
/** Spans kept of one agent; lists of its traces are made of so many, the newest. */
export const SPANS_PER_AGENT_MAX = 20_000;

/** Days made in advance, so that a night without a worker loses nothing. */
export const DAYS_AHEAD = 3;
/** Reports may be a day old when they come. */
export const DAYS_BEHIND = 1;

/** Silence between two reports beyond which nothing is said about the time between. */
export const GAP_SECONDS_MAX = 600;
/** A minute is rolled up this long after its end, when the reports that reach into it have come. */
export const MINUTE_SETTLES_SECONDS = 180;
/** Minutes rolled up in one go; a worker that was away catches up in several. */
export const MINUTES_PER_TURN = 5;
/** One turn over a large fleet sorts some hundred thousand reports: it may take longer than other statements, and needs room. */
export const ROLLUP_TIMEOUT_MS = 300_000;
export const ROLLUP_WORK_MEMORY_MB = 128;
export const ROLLUP_INTERVAL_MS = 20_000;
/** How far back a roll-up begins where none was done yet. */
export const ROLLUP_BEGINS_SECONDS = 3_600;
