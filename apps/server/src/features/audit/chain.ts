import { createHash } from "node:crypto";
import type { ActorRef } from "@flowplane/contract";

/** What the hash of an audit event covers: all of it. Times are ISO 8601 with milliseconds. */
export interface ChainedEvent {
  readonly organization_id: string;
  readonly seq: number;
  readonly at: string;
  readonly actor: ActorRef;
  readonly action: string;
  readonly target_type: string;
  readonly target_id: string;
  readonly reason: string | null;
  readonly request_id: string | null;
  readonly remote_address: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface ChainLink {
  readonly seq: number;
  readonly hash: string;
}

/** What stands before the first event. */
export const CHAIN_START: ChainLink = { seq: 0, hash: "0".repeat(64) };

/** SHA-256, hex, over the previous hash and the event as canonical JSON. */
export function hashOf(previousHash: string, event: ChainedEvent): string {
  return createHash("sha256")
    .update(`${previousHash}\n${canonicalJson(event)}`)
    .digest("hex");
}

/** Where the chain stands after an event, or what is wrong with it. */
export function follow(
  previous: ChainLink,
  event: ChainedEvent & { readonly previous_hash: string; readonly hash: string },
): ChainLink | { readonly seq: number; readonly what: string } {
  const seq = previous.seq + 1;
  // The hashes are beside what is hashed, not in it.
  const { previous_hash, hash, ...covered } = event;
  if (event.seq !== seq) return { seq, what: `event ${seq} is missing` };
  if (previous_hash !== previous.hash)
    return {
      seq,
      what: `event ${seq} does not follow event ${previous.seq}: one of them was changed or moved`,
    };
  if (hash !== hashOf(previous.hash, covered)) return { seq, what: `event ${seq} was changed` };
  return { seq, hash };
}

/** JSON with the names of every object in order and no space: equal values, whatever way they went, give equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  const sorted = entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([name, each]) => `${JSON.stringify(name)}:${canonicalJson(each)}`).join(",")}}`;
}
