export * from "./backoff.ts";
export * from "./clock.ts";
export * from "./health.ts";
export * from "./shutdown.ts";
export * from "./starter.ts";
export * from "./tasks.ts";
export * from "./wait.ts";
