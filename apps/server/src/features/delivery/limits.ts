/** Versions whose overlays and texts are kept ready. */
export const VERSIONS_KEPT_MAX = 64;
/** Texts that one version may come to by its overlays, kept ready. */
export const TEXTS_KEPT_MAX = 64;
/** Filled-in contents of one text that are kept ready: of each site, say. */
export const RENDERINGS_KEPT_MAX = 64;
/** Agents read by one statement. */
export const AGENTS_READ_MAX = 5_000;
/** Parsed component reports that are kept. */
export const COMPONENT_SETS_KEPT_MAX = 256;
/** What a message with a configuration holds beside it: hashes, names, connection settings with certificates. */
export const MESSAGE_REST_BYTES_MAX = 32 * 1024;
