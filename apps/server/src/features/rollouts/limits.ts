/** How often active rollouts are looked at. */
export const LOOK_EVERY_MS = 1_000;
/** Rollouts taken up by one look; the next look takes the others. */
export const ACTIVE_ROLLOUTS_MAX = 200;
/** Agents assigned, given back or woken by one transaction; what is more follows at once in the next. */
export const BATCH_AGENTS_MAX = 2_000;
/** Steps of one rollout in one look, so that a large one does not keep the others waiting. */
export const STEPS_PER_LOOK_MAX = 20;
/** How often it is looked for agents that came back: among those that connected since, and among all that are away. */
export const RETURNED = { everyMs: 5_000, fullyEveryMs: 60_000, overlapMs: 10_000 };
/** An agent's own figures before it is changed are taken over so long. */
export const BASELINE_MS = 15 * 60_000;
/** Agents that one rollout may have. */
export const ROLLOUT_AGENTS_MAX = 100_000;
/** Active rollouts of one organization. */
export const ACTIVE_PER_ORGANIZATION_MAX = 50;
/** Texts that a preview compares; agents that have others are counted with the last. */
export const CHANGES_MAX = 50;
/** Characters of a diff that a preview gives. */
export const DIFF_CHARS_MAX = 50_000;
/** Different reasons that are told apart. */
export const FAILURE_GROUPS_MAX = 100;
export const FAILURE_EXAMPLES_MAX = 5;
/** Characters kept of an agent's own words. */
export const REASON_CHARS_MAX = 2_000;
/**
 * How often agents are held against what has completed, to find those that are new to it: those that changed since, and the whole
 * fleet, for what time alone changes.
 */
export const NEWCOMERS = { everyMs: 30_000, fullyEveryMs: 300_000, overlapMs: 60_000 };
/** Completed rollouts that an organization's agents are held against, newest first. */
export const COMPLETED_ROLLOUTS_MAX = 100;
/** Ended rollouts taken up by one look that still have agents to judge. */
export const UNSETTLED_ROLLOUTS_MAX = 200;
/** Agents of each side whose history and telemetry a comparison reads; of larger sides a fixed sample. */
export const COMPARED_AGENTS_MAX = 200;
/** Rows of roll-ups that both sides of a comparison have together: over a long time fewer agents are read. */
export const COMPARED_ROWS_MAX = 100_000;
/** A comparison looks back over so many days at most. */
export const COMPARED_DAYS_MAX = 7;
