import { EVIDENCE_BYTES_MAX } from "@flowplane/link";

/** How often an agent measures; points are never closer. */
export const SAMPLE_EVERY_MS = 5_000;
/** Most bytes of a compressed chunk: what zstd makes of the largest one when nothing in it can be compressed. */
export const CHUNK_BODY_BYTES_MAX = EVIDENCE_BYTES_MAX + 16 * 1024;
/** Chunks of one run: at one in ten seconds enough for centuries, and a number that the database holds. */
export const CHUNK_NUMBER_MAX = 2 ** 31 - 1;
/** Samples taken out of one chunk; so many fit ten minutes at ten times the usual pace. */
export const SAMPLES_PER_CHUNK_MAX = 1_200;
/** How far a sample's time may lie outside of the run: clocks of hosts are not ours. */
export const CLOCK_DIFFERENCE_MS_MAX = 24 * 3_600_000;
/** Rows of chunks read at a time by what goes through evidence. */
export const CHUNK_ROWS_PER_READ = 100;
/** Replays at work at a time in one process, each in a thread of its own; others wait for their turn. */
export const REPLAYS_MAX = 2;
/** Replays that wait; beyond it the caller is asked to come again. */
export const REPLAYS_WAITING_MAX = 20;
/** Memory of a thread that replays: one chunk, one segment and the detector's state need a fraction of it. */
export const REPLAY_HEAP_MB_MAX = 256;
