/** Incidents kept of one run; an agent that opens more says nothing new. */
export const INCIDENTS_PER_RUN_MAX = 200;
/** Interventions kept of one incident; later ones are only in the run's timeline. */
export const INTERVENTIONS_MAX = 50;

/** Of the evidence that an agent sends. */
export const FAMILIES_MAX = 20;
export const SUPPRESSIONS_MAX = 50;
export const SIGNATURE_CHARS_MAX = 2_000;
export const WORD_CHARS_MAX = 200;
export const SENTENCE_CHARS_MAX = 500;

/** Lines read for showing what convinced the detector: so many from where it began, and so many up to where it was sure. */
export const SHOWN_LINES_READ_MAX = 2_000;
/** Bytes of them, however long they are. */
export const SHOWN_BYTES_READ_MAX = 2 * 1024 * 1024;
/** Different lines shown; the rest is told by its number. */
export const FOLDED_LINES_MAX = 30;
/** Characters kept of a folded line. */
export const FOLDED_CHARS_MAX = 500;

/** Earlier runs of the same agent looked through for one of the same command. */
export const EARLIER_RUNS_MAX = 500;
/** Entries of what happened after an incident. */
export const AFTER_MAX = 50;

/** How often new agents of a site are looked for that fell back to shadow. */
export const GUARD_EVERY_MS = 5_000;
/** Agents told in one look; the next look tells the rest. */
export const GUARD_AGENTS_MAX = 1_000;
