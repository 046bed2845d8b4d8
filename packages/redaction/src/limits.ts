// How far the redactor looks, in bytes. Every decision depends on these stretches alone, which is what makes the result
// the same however the output is cut into chunks.

/** What of a secret is compared and hashed; what follows it in the same characters is dropped with it. */
export const SECRET_BYTES_MAX = 4096;
/** Bytes before the new ones that must be shown again, when there are so many. */
export const CONTEXT_BYTES = 1024;
/** From the start of a word to the start of the value it names, at most. */
export const WORD_REACH_BYTES = 256;
/** How far before its first recognised bytes a secret may begin. */
export const ANCHOR_BYTES_MAX = 64;
/** A line without an end is decided up to this far before what is known of it. */
export const LOOKAHEAD_BYTES = 8192;

/** Secret values known by the run's own environment. */
export const KNOWN_VALUES_MAX = 200;
/** A shorter known value would blacken ordinary text. */
export const KNOWN_BYTES_MIN = 4;
/** Patterns of a user's own, and what one may be made of. */
export const PATTERNS_MAX = 100;
export const PATTERN_CHARS_MAX = 500;
export const PATTERN_STATES_MAX = 1000;
