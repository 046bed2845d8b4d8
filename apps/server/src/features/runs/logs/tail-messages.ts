import { subjects, type Bus } from "../../../platform/bus/bus.ts";

/** What `subjects.tail` carries, never retained: whoever misses it reads the stored segments. */
export type TailMessage =
  /** Live lines in the encoding of packages/link, base64, so that any bus can carry them. */
  | { readonly kind: "lines"; readonly encoded: string }
  /** The log is stored without a hole up to this line. */
  | { readonly kind: "stored"; readonly stored_seq: number };

export function publishLines(bus: Bus, runId: string, encoded: Buffer): void {
  publish(bus, runId, { kind: "lines", encoded: encoded.toString("base64") });
}

export function publishStored(bus: Bus, runId: string, storedSeq: number): void {
  publish(bus, runId, { kind: "stored", stored_seq: storedSeq });
}

function publish(bus: Bus, runId: string, message: TailMessage): void {
  bus.publish(subjects.tail(runId), message, { retain: false });
}
