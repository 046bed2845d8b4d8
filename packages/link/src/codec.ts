// Custom message bytes <-> typed messages. Decoding never throws: what a peer sends is data, not a bug of ours.

import { z } from "zod";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import { downMessages, eventPayloads, upMessages } from "./messages.ts";
import type { DownMessage, EventPayload, EventType, LinkEvent, UpMessage } from "./messages.ts";

export type Decoded<T> = { ok: true; value: T } | { ok: false; issue: string };

/** The two fields of an OpAMP CustomMessage beside its capability. */
export type WireMessage = { type: string; data: Uint8Array };

/** Bytes of an agent's message -> the message, or what is wrong with it. */
export function decodeUp(wire: WireMessage): Decoded<UpMessage> {
  return decode(upMessages, wire) as Decoded<UpMessage>; // The table pairs each type with its own schema.
}

/** Bytes of a control plane's message -> the message, or what is wrong with it. */
export function decodeDown(wire: WireMessage): Decoded<DownMessage> {
  return decode(downMessages, wire) as Decoded<DownMessage>; // As above.
}

/** A message -> its bytes. Whoever builds a message keeps it within MESSAGE_BYTES_MAX, see `packBySize`. */
export function encodeLink(message: UpMessage | DownMessage): WireMessage {
  return { type: message.type, data: new TextEncoder().encode(JSON.stringify(message.body)) };
}

/** Checks an event's payload against its type. An unknown type is an issue: the sender is newer, the event is kept as it is. */
export function parseEvent(event: LinkEvent): Decoded<ParsedEvent> {
  if (!isEventType(event.type)) return { ok: false, issue: `unknown event type ${event.type}` };
  const parsed = eventPayloads[event.type].safeParse(event.payload);
  if (!parsed.success) return { ok: false, issue: `${event.type}: ${describe(parsed.error)}` };
  return { ok: true, value: { ...event, payload: parsed.data } as ParsedEvent }; // Type and payload were matched just above.
}

/** An event whose payload has the shape its type says. */
export type ParsedEvent = {
  [T in EventType]: Omit<LinkEvent, "type" | "payload"> & { type: T; payload: EventPayload<T> };
}[EventType];

/** Cuts items into runs, in order, none above `bytesMax` in sum (unless a single item is) or `countMax` in number. */
export function packBySize<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  bytesMax: number,
  countMax: number,
): T[][] {
  const packs: T[][] = [];
  let pack: T[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = sizeOf(item);
    if (pack.length > 0 && (bytes + size > bytesMax || pack.length >= countMax)) {
      packs.push(pack);
      pack = [];
      bytes = 0;
    }
    pack.push(item);
    bytes += size;
  }
  if (pack.length > 0) packs.push(pack);
  return packs;
}

function decode(
  table: Record<string, z.ZodType>,
  { type, data }: WireMessage,
): Decoded<{ type: string; body: unknown }> {
  const schema = Object.hasOwn(table, type) ? table[type] : undefined;
  if (!schema) return { ok: false, issue: `unknown message type ${JSON.stringify(type.slice(0, 64))}` };
  if (data.byteLength > MESSAGE_BYTES_MAX)
    return { ok: false, issue: `${type}: ${data.byteLength} bytes, at most ${MESSAGE_BYTES_MAX}` };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    return {
      ok: false,
      issue: `${type}: not UTF-8 JSON: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
  const parsed = schema.safeParse(json);
  return parsed.success
    ? { ok: true, value: { type, body: parsed.data } }
    : { ok: false, issue: `${type}: ${describe(parsed.error)}` };
}

function describe(error: z.ZodError): string {
  const [first] = error.issues;
  return first ? `${first.path.join(".") || "body"}: ${first.message}` : "invalid";
}

function isEventType(type: string): type is EventType {
  return Object.hasOwn(eventPayloads, type);
}
