// A look over the raw bytes of a message before it is decoded. The decoder recurses and allocates; this
// does neither: one loop, one explicit stack no deeper than the limit, a counter per sub-message. What
// passes is well-formed protobuf, of known nesting and size, with every known field of the right wire type.

import type { MessageLimits, SubMessageLimit } from "./limits.ts";
import { OTHER_SUB_MESSAGE_LIMIT } from "./limits.ts";
import type { FieldShape, MessageShape } from "./wire-shape.ts";
import {
  WIRE_32BIT,
  WIRE_64BIT,
  WIRE_END_GROUP,
  WIRE_LENGTH,
  WIRE_START_GROUP,
  WIRE_VARINT,
} from "./wire-shape.ts";

export type ScanIssue = {
  code: "malformed" | "too_large" | "too_deep" | "too_many_entries";
  /** A sentence an operator of the agent can act on. */
  message: string;
  /** The sub-message it is about, by its name in the specification; null for the message itself. */
  field: string | null;
};

// Scratch space, used only within one call and never seen outside: allocating it would cost more than
// scanning a heartbeat does.
const TOP_FIELDS_MAX = 32;
const entries = new Uint32Array(TOP_FIELDS_MAX);
const spent = new Float64Array(TOP_FIELDS_MAX);
const ends: number[] = [];
const groups: number[] = [];

/** Null when the message may be decoded. */
export function scanMessage(bytes: Uint8Array, shape: MessageShape, limits: MessageLimits): ScanIssue | null {
  const size = bytes.length;
  if (size > limits.messageBytesMax) {
    return issue("too_large", null, `the message has ${size} bytes, more than ${limits.messageBytesMax}`);
  }
  let at = 0; // where we read
  let end = size; // where the innermost message ends
  let current: MessageShape | null = shape; // null inside what we do not know
  let depth = 0;
  let group = 0; // field number of the innermost open group, 0 when the innermost thing is a message
  let outer: (MessageShape | null)[] | null = null; // made at the first nesting: heartbeats have none

  let topName: string | null = null; // the sub-message we are in
  let limit: SubMessageLimit = OTHER_SUB_MESSAGE_LIMIT;
  let bucket = 0;
  // A sub-message may come in several pieces, which the decoder merges: they count together. What we
  // do not know shares bucket 0.
  entries.fill(0);
  spent.fill(0);

  for (;;) {
    while (at === end && depth > 0 && group === 0) {
      depth -= 1;
      end = ends[depth] ?? size;
      current = outer?.[depth] ?? null;
      group = groups[depth] ?? 0;
    }
    if (at === end) {
      if (group !== 0) return issue("malformed", topName, "a group has no end");
      return null;
    }

    // Tag.
    let tag = 0;
    let shift = 1;
    for (let count = 0; ; count += 1) {
      if (at >= end || count === 5)
        return issue("malformed", topName, "a field number is cut off or too long");
      const byte = bytes[at++] ?? 0;
      tag += (byte & 0x7f) * shift;
      if (byte < 0x80) break;
      shift *= 128;
    }
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number === 0 || tag > 0xffffffff) return issue("malformed", topName, "a field number is not valid");

    const field: FieldShape | undefined = current?.[number];
    if (depth === 0) {
      topName = field?.name ?? null;
      limit = limits.subMessages[number] ?? OTHER_SUB_MESSAGE_LIMIT;
      bucket = field && number < TOP_FIELDS_MAX ? number : 0;
    }
    const count = (entries[bucket] ?? 0) + 1;
    entries[bucket] = count;
    if (count > limit.entriesMax) {
      return issue("too_many_entries", topName, `more than ${limit.entriesMax} entries`);
    }
    if (field && field.wireType !== wireType) {
      return issue("malformed", topName, `field ${number} has wire type ${wireType}, not ${field.wireType}`);
    }

    switch (wireType) {
      case WIRE_VARINT: {
        let count = 0;
        for (;;) {
          if (at >= end || count === 10)
            return issue("malformed", topName, "a number is cut off or too long");
          count += 1;
          if ((bytes[at++] ?? 0) < 0x80) break;
        }
        break;
      }
      case WIRE_64BIT:
        at += 8;
        if (at > end) return issue("malformed", topName, "a number is cut off");
        break;
      case WIRE_32BIT:
        at += 4;
        if (at > end) return issue("malformed", topName, "a number is cut off");
        break;
      case WIRE_LENGTH: {
        let length = 0;
        let scale = 1;
        for (let count = 0; ; count += 1) {
          if (at >= end || count === 5) return issue("malformed", topName, "a length is cut off or too long");
          const byte = bytes[at++] ?? 0;
          length += (byte & 0x7f) * scale;
          if (byte < 0x80) break;
          scale *= 128;
        }
        if (length > end - at) return issue("malformed", topName, "a field is longer than what holds it");
        if (depth === 0) {
          const total = (spent[bucket] ?? 0) + length;
          spent[bucket] = total;
          if (total > limit.bytesMax) {
            return issue("too_large", topName, `more than ${limit.bytesMax} bytes`);
          }
        }
        if (field?.inner && length > 0) {
          if (depth >= limits.nestingDepthMax) {
            return issue("too_deep", topName, `nested more than ${limits.nestingDepthMax} levels deep`);
          }
          ends[depth] = end;
          outer ??= [];
          outer[depth] = current;
          groups[depth] = group;
          depth += 1;
          end = at + length;
          current = field.inner;
          group = 0;
        } else {
          at += length;
        }
        break;
      }
      case WIRE_START_GROUP:
        if (depth >= limits.nestingDepthMax) {
          return issue("too_deep", topName, `nested more than ${limits.nestingDepthMax} levels deep`);
        }
        ends[depth] = end;
        outer ??= [];
        outer[depth] = current;
        groups[depth] = group;
        depth += 1;
        current = null;
        group = number;
        break;
      case WIRE_END_GROUP:
        if (group !== number) return issue("malformed", topName, "a group ends that did not begin");
        depth -= 1;
        end = ends[depth] ?? size;
        current = outer?.[depth] ?? null;
        group = groups[depth] ?? 0;
        break;
      default:
        return issue("malformed", topName, `wire type ${wireType} does not exist`);
    }
  }
}

function issue(code: ScanIssue["code"], field: string | null, what: string): ScanIssue {
  return { code, field, message: field === null ? what : `${field}: ${what}` };
}
