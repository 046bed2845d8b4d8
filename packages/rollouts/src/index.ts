export * from "./compare.ts";
export * from "./gate.ts";
export * from "./order.ts";
export * from "./step.ts";
export * from "./types.ts";
export * from "./verdict.ts";
export * from "./window.ts";
