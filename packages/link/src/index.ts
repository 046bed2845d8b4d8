export * from "./codec.ts";
export * from "./delivery.ts";
export * from "./inbox.ts";
export * from "./intake.ts";
export * from "./limits.ts";
export * from "./lines.ts";
export * from "./messages.ts";
export * from "./outbox.ts";
