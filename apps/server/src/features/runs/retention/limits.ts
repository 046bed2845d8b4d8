/** Runs taken up at a time. */
export const RUNS_PER_BATCH = 200;
/** Rows that one statement deletes; so long a transaction stays short. */
export const ROWS_PER_BATCH = 5_000;
/** Objects without a row are kept a little, for whoever read the row just before. */
export const GARBAGE_KEPT_MS = 3_600_000;
/** Orders that agents have carried out are kept for looking into. */
export const ORDERS_KEPT_DAYS = 30;
/** Level of compression of what is seldom read: smaller, and a few times slower to make. */
export const PACK_LEVEL = 12;
/** One turn at night takes so long at most, less than after which the queue would begin another; the next goes on. */
export const TURN_MS_MAX = 10 * 60_000;
