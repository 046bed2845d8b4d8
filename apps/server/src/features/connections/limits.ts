/** How long the check of an offered address waits for it. */
export const ENDPOINT_CHECK_MS = 3_000;
/** Offers kept of one agent, newest first: what was tried before the last. */
export const OFFERS_KEPT_MAX = 20;
/** Of what an agent says about settings it refused. */
export const DETAIL_CHARS_MAX = 1_000;
