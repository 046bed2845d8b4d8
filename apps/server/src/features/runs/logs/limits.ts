import { SEGMENT_BYTES_MAX } from "@flowplane/link";

/** Most bytes of a compressed segment: what zstd makes of the largest one when nothing in it can be compressed. */
export const SEGMENT_BODY_BYTES_MAX = SEGMENT_BYTES_MAX + 64 * 1024;
/** Uploads of segments and tails at work at a time; beyond it agents are asked to come again. */
export const UPLOADS_MAX = 200;
/** Runs whose agent is remembered, so that a tail needs no query. */
export const OWNERS_REMEMBERED_MAX = 10_000;

/** Decoded segments kept for the next reader, by what they take in memory, about. */
export const CACHE_BYTES_MAX = 64 * 1024 * 1024;
/** Rows of segments read at a time by what goes through a log. */
export const SEGMENT_ROWS_PER_READ = 50;

/** A page of lines ends at so many bytes of output, whatever `limit` says. */
export const PAGE_BYTES_MAX = 4 * 1024 * 1024;
/** One search looks through so many bytes of output, then says how far it came. */
export const SEARCH_BYTES_MAX = 32 * 1024 * 1024;
/** Looking into a line takes as long as so many bytes, however short it is. */
export const SEARCH_LINE_BYTES = 64;

/** One search across runs looks through so many bytes, so many runs, and starts nothing new after so many ms. */
export const RUNS_SEARCH_BYTES_MAX = 64 * 1024 * 1024;
export const RUNS_SEARCHED_MAX = 1_000;
export const RUNS_SEARCH_MS_MAX = 3_000;
/** Runs read from the database at a time while searching across them. */
export const RUNS_PER_READ = 50;
/** Bytes of output looked through without letting others have the thread. */
export const BREATH_BYTES = 128 * 1024;

/** Lines of one event of a live log. */
export const EVENT_LINES_MAX = 1_000;
/** Bytes of output in one event. As JSON it may be six times that, and has to stay below what a stream may buffer. */
export const EVENT_BYTES_MAX = 128 * 1024;

/** Newest live lines kept per watched run, for watchers that are a little behind. */
export const TAIL_BYTES_MAX = 4 * 1024 * 1024;
export const TAIL_LINES_MAX = 100_000;
/** How long an agent tails after the last word that somebody watches, and how often that word is given. */
export const WATCH_TTL_MS = 25_000;
export const WATCH_RENEW_MS = 10_000;
/** How often, at most, an agent is asked again for lines that were missed. */
export const GAP_ASK_EVERY_MS = 500;

/** Uncompressed bytes of the segments in one pack, about: the one that goes beyond is the last. */
export const PACK_BYTES = 8 * 1024 * 1024;
/** Unpacked packs kept for the next segment of them. */
export const PACKS_KEPT = 2;
