export * from "./control-plane.ts";
export * from "./site-agent.ts";
export * from "./clock.ts";
