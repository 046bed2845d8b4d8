import type { Logger } from "pino";

/** Where PostgreSQL's doings are told. */
export type PostgresLog = Pick<Logger, "debug" | "info" | "warn" | "error">;
