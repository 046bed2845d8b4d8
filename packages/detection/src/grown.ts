import type { Family } from "./events.ts";

/** One measurement of what should not grow for ever. */
export interface Grown {
  readonly family: Extract<Family, "memory" | "disk" | "children">;
  readonly value: number;
  readonly limit: number | null;
  readonly unit: string;
  readonly text: string;
  /** By the agent; else the log says so. */
  readonly measured: boolean;
}
