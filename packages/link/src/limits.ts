/** The OpAMP custom capability both ends announce. The number is the protocol's major version. */
export const LINK_CAPABILITY = "com.flowplane.link/1";
/** Announced beside it by an end that knows `hello` and tokens; see tenure.ts. */
export const TENURE_CAPABILITY = "com.flowplane.link.tenure/1";

/** Most bytes of JSON in one custom message. What is bulky goes over the bulk endpoint instead. */
export const MESSAGE_BYTES_MAX = 256 * 1024;
/** Most bytes of JSON that one intent may take, so that every intent fits a message. */
export const INTENT_BYTES_MAX = 192 * 1024;
/** Most intents in one `intents` message, and most ids in one `intents_ack`. */
export const INTENTS_PER_MESSAGE_MAX = 500;
/** Most events in one `events` message. */
export const EVENTS_PER_MESSAGE_MAX = 500;
/** Most characters of a text meant for people (a reason, a title). Longer ones are cut by whoever writes them. */
export const TEXT_CHARS_MAX = 2000;

/** Most bytes of one log line; a longer line is cut into partial ones. */
export const LINE_BYTES_MAX = 64 * 1024;
/** A segment is closed as soon as its encoding is this big… */
export const SEGMENT_CLOSE_BYTES = 2 * 1024 * 1024;
/** …or this old. */
export const SEGMENT_CLOSE_MS = 2000;
/** Most bytes of an encoded, uncompressed segment: the closing size and one batch of the worst kind on top. */
export const SEGMENT_BYTES_MAX = 4 * 1024 * 1024;

/** Longest lease of one `watch`, in ms. */
export const WATCH_TTL_MS_MAX = 60_000;
/** Longest grace between SIGTERM and SIGKILL, in ms. */
export const GRACE_MS_MAX = 24 * 3_600_000;

/** A chunk of evidence is closed as soon as its JSON is this big, this old, or its run ends. */
export const EVIDENCE_CLOSE_BYTES = 128 * 1024;
export const EVIDENCE_CLOSE_MS = 10_000;
/** Most bytes of a chunk before compression. */
export const EVIDENCE_BYTES_MAX = 1024 * 1024;

/** Tokens an agent remembers. A control plane restored from a backup knows an older one, of these at best. */
export const TOKENS_MAX = 64;
/** Characters of an event's print: of the base64url of the SHA-256 of `printText`. */
export const PRINT_CHARS = 32;
