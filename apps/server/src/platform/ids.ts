import { randomUUIDv7 } from "node:crypto";

const COUNTER_MAX = 0xfff;
let lastMs = 0;
let counter = 0;

/**
 * A new id: a UUIDv7 that is greater than every id this process made before. Node fills the 12 bits after the time
 * with randomness; here they count within the millisecond (RFC 9562, 6.2, method 1), so that what one transaction
 * writes together, such as the events of a run, sorts by id in the order it was written.
 */
export function newId(): string {
  const fresh = randomUUIDv7();
  const ms = Number.parseInt(fresh.slice(0, 8) + fresh.slice(9, 13), 16);
  if (ms > lastMs) {
    lastMs = ms;
    counter = 0;
  } else if (counter < COUNTER_MAX) {
    counter += 1;
  } else {
    // Full, or the clock went back: run ahead of it rather than repeat or reverse.
    lastMs += 1;
    counter = 0;
  }
  const time = lastMs.toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-7${counter.toString(16).padStart(3, "0")}${fresh.slice(18)}`;
}

/** When an id was made, ms since the epoch; by its first 48 bits, so `NaN` for what is no UUID. */
export function timeOfId(id: string): number {
  return isUuid(id) ? Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16) : Number.NaN;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether an id may be compared with a uuid column; any other text would be an error of the database there. */
export function isUuid(id: string): boolean {
  return UUID.test(id);
}
