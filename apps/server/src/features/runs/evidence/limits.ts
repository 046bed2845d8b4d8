/** How often an agent measures; points are never closer. */
export const SAMPLE_EVERY_MS = 5_000;
