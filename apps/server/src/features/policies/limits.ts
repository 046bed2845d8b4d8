/** Comparisons of one organization that wait or run at a time. */
export const COMPARISONS_OPEN_MAX = 10;
/** One turn of the queue compares for so long, then goes to the end of the line: others have comparisons, too. */
export const COMPARE_TURN_MS = 120_000;
/** How often progress is written down and told. */
export const COMPARE_SAVE_MS = 1_000;
/** Incidents with feedback that suggestions are made of: the newest so many, of so many days. */
export const FEEDBACK_MAX = 500;
export const FEEDBACK_DAYS = 90;
/** Incidents named with a suggestion. */
export const SUGGESTED_BY_MAX = 50;
