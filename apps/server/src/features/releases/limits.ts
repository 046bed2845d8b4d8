/** The largest file of a release. */
export const FILE_BYTES_MAX = 1024 * 1024 * 1024;
/** Files taken in at the same time by one process. */
export const UPLOADS_MAX = 8;
/** How long the address of a file is good for the agent that was given it. A new one is offered after half of that. */
export const CAPABILITY_MS = 24 * 3_600_000;
/** Downloads of one process at a time: each holds a file open and some hundred KB. */
export const DOWNLOADS_MAX = 1_000;
/** Agents that are held back and looked at again by one catch-up: what was missing may be there by now. */
export const HELD_LOOKED_AT_MAX = 2_000;
/** Packages kept of what one agent reports. */
export const REPORTED_MAX = 200;
/** Attempts kept of one agent, the newest. */
export const ATTEMPTS_KEPT_MAX = 50;
/** Of what an agent says went wrong. */
export const ERROR_CHARS_MAX = 4_000;
/** Of a version and a name, as an agent reports them. */
export const REPORTED_TEXT_CHARS_MAX = 255;
