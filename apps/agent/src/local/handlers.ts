import type { Handlers } from "./call.ts";
import { evidenceHandlers } from "./evidence.ts";
import { incidentHandlers } from "./incidents.ts";
import { logHandlers } from "./logs.ts";
import { runHandlers } from "./runs.ts";

export const handlers: Handlers = {
  ...runHandlers,
  ...logHandlers,
  ...incidentHandlers,
  ...evidenceHandlers,
};
