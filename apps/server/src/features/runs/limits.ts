/** A run that the agent said it is starting must be running, or have ended, after this long. */
export const START_DEADLINE_MS = 60_000;
/** An agent that has stored the order to start and stays connected must have said something about it after this long. */
export const TAKEN_DEADLINE_MS = 120_000;
/** Beyond its grace, how long a stop may take to be carried out and reported. */
export const STOP_MARGIN_MS = 30_000;
/** Longest deadline an agent may set for itself. */
export const WAIT_MS_MAX = 25 * 3_600_000;
/** How often deadlines are looked at. */
export const RECONCILE_EVERY_MS = 1_000;
/** Longer than this between two looks, and this process was asleep or could not reach its database. */
export const PAUSE_MS = 30_000;
/** How long agents have been able to report again before their silence counts: twice the longest wait of their back-off. */
export const HEARING_MS = 60_000;
/** Most runs one look takes up per kind; the next look takes the rest. */
export const RECONCILE_RUNS_MAX = 500;

/** Newest runs that one request for a list looks through for words; its cursor continues behind them. */
export const WORDS_SCAN_ROWS_MAX = 20_000;
/** Words one filter may hold. */
export const WORDS_MAX = 20;
/** Agents named in the conflict that asks which one is meant. */
export const AGENTS_NAMED_MAX = 10;

/** Runs that may be under way at once in an organization; further ones wait. */
export const ORGANIZATION_RUNS_MAX = 10_000;
/** Runs that may be under way at once on one agent, unless its label `flowplane/runs-max` says another number. */
export const AGENT_RUNS_MAX = 1_000;
export const AGENT_RUNS_LABEL = "flowplane/runs-max";
/** Runs of an organization that may wait for an agent; a further launch is refused. */
export const WAITING_RUNS_MAX = 10_000;
/** Runs that one transaction gives to agents; a look makes as many of them as are needed. */
export const PLACED_AT_ONCE_MAX = 200;
/** Agents that one look considers for the runs of one kind of placement, the least loaded first. */
export const CANDIDATES_MAX = 500;
/** How often waiting runs are looked at when nobody nudges. */
export const DISPATCH_EVERY_MS = 1_000;
/** Organizations with waiting runs that one look takes up. */
export const DISPATCH_ORGANIZATIONS_MAX = 1_000;
/** A next attempt that did not come for so long after its time counts for nothing any more. */
export const RETRY_FORGOTTEN_MS = 24 * 3_600_000;
