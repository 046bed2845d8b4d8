import { busConformance, type BusFixture } from "./conformance.ts";
import { createInProcessBus } from "./in-process.ts";

async function open(): Promise<BusFixture> {
  const errors: unknown[] = [];
  return { bus: createInProcessBus((error) => errors.push(error)), errors, restart: open };
}

busConformance("in-process", open);
