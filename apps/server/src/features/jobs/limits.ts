/** Missed starts that the misfire policy `all` makes up for; of more, the latest so many. */
export const MISSED_STARTS_MAX = 100;
/** A start this late is still on time: the looks at what is due are never further apart while all is well. */
export const ON_TIME_MS = 60_000;
/** How often what is due is looked for. */
export const LOOK_EVERY_MS = 1_000;
/** Jobs taken up by one look; the next look takes the others. */
export const DUE_JOBS_MAX = 500;
/** Scheduled runs of one job that may wait at once under the overlap policy `queue`; further starts are left out. */
export const WAITING_STARTS_MAX = 100;
/** Times of one job that the calendar names; the others are counted. */
export const CALENDAR_TIMES_MAX = 100;
/** Times the calendar works out in all, so that a job for every second does not keep everybody waiting. */
export const CALENDAR_WORK_MAX = 20_000;
/** Jobs one calendar looks at. */
export const CALENDAR_JOBS_MAX = 1_000;
/** Versions named in the error about one that is not there. */
export const VERSIONS_NAMED_MAX = 20;
/** How often next starts are compared with their schedules. */
export const HEAL_EVERY_MS = 60_000;
/** Jobs compared at a time. */
export const HEAL_JOBS_MAX = 500;
/** A next attempt that did not come for so long after its time counts for nothing any more. */
export const RETRY_FORGOTTEN_MS = 24 * 3_600_000;
