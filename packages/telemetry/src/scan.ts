// A look over an OTLP body before it is decoded. The decoder recurses and makes an object of everything; this does
// neither. What passes has a bounded number of items, of entries and of levels.

import type { Signal } from "./measures.ts";
import { DEPTH_MAX, ENTRIES_PER_BODY_MAX, ITEMS_PER_BODY_MAX } from "./limits.ts";

export interface ScanLimits {
  readonly itemsMax: number;
  readonly entriesMax: number;
  readonly depthMax: number;
}

export const SCAN_LIMITS: ScanLimits = {
  itemsMax: ITEMS_PER_BODY_MAX,
  entriesMax: ENTRIES_PER_BODY_MAX,
  depthMax: DEPTH_MAX,
};

export type ScanIssue = { readonly code: "malformed" | "too_many"; readonly message: string };

/** Sub-messages by field number; `item` marks what is counted as a data point, log record or span. */
interface Shape {
  readonly item?: true;
  readonly fields: Readonly<Record<number, Shape>>;
}

const anyValue: Shape & { fields: Record<number, Shape> } = { fields: {} };
const keyValue: Shape = { fields: { 2: anyValue } };
Object.assign(anyValue.fields, { 5: { fields: { 1: anyValue } }, 6: { fields: { 1: keyValue } } });
const resource: Shape = { fields: { 1: keyValue } };
/** A data point, its attributes in one of these fields by its kind. */
const point = (attributes: number): Shape => ({ item: true, fields: { [attributes]: keyValue } });
const data = (attributes: number): Shape => ({ fields: { 1: point(attributes) } });
const metric: Shape = { fields: { 5: data(7), 7: data(7), 9: data(9), 10: data(1), 11: data(7) } };
const logRecord: Shape = { item: true, fields: { 5: anyValue, 6: keyValue } };
const span: Shape = { item: true, fields: { 9: keyValue } };
const request = (item: Shape): Shape => ({
  fields: { 1: { fields: { 1: resource, 2: { fields: { 2: item } } } } },
});

const SHAPES: Readonly<Record<Signal, Shape>> = {
  metrics: request(metric),
  logs: request(logRecord),
  traces: request(span),
};

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;
const VARINT_BYTES_MAX = 10;

/** Null when the protobuf body may be decoded. Fields that are not read are skipped, whatever is in them. */
export function scanProtobuf(bytes: Uint8Array, signal: Signal, limits = SCAN_LIMITS): ScanIssue | null {
  const open: { readonly shape: Shape; readonly end: number }[] = [];
  let shape = SHAPES[signal];
  let end = bytes.length;
  let at = 0;
  let items = 0;
  let entries = 0;
  const number = (): number => {
    let value = 0;
    let scale = 1;
    for (let count = 0; count < VARINT_BYTES_MAX && at < end; count += 1) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return Number.NaN;
  };
  for (;;) {
    while (at === end) {
      const outer = open.pop();
      if (outer === undefined) return null;
      ({ shape, end } = outer);
    }
    const tag = number();
    const field = Math.floor(tag / 8);
    if (!(field > 0 && tag <= 0xffffffff)) return malformed("a field number is cut off or not valid");
    switch (tag % 8) {
      case VARINT:
        if (Number.isNaN(number())) return malformed("a number is cut off or too long");
        break;
      case FIXED64:
        at += 8;
        break;
      case FIXED32:
        at += 4;
        break;
      case LENGTH: {
        const length = number();
        if (!(at + length <= end)) return malformed("a field is longer than what it is in");
        const inner = shape.fields[field];
        if (inner === undefined) {
          at += length;
          break;
        }
        entries += 1;
        if (inner.item === true) items += 1;
        if (items > limits.itemsMax) return tooMany(limits.itemsMax, ITEMS[signal]);
        if (entries > limits.entriesMax) return tooMany(limits.entriesMax, "messages");
        if (open.length >= limits.depthMax) return malformed(`nested deeper than ${limits.depthMax} levels`);
        open.push({ shape, end });
        shape = inner;
        end = at + length;
        break;
      }
      default:
        return malformed("a field has a wire type that is not used");
    }
    if (at > end) return malformed("a number is cut off");
  }
}

const ITEMS: Readonly<Record<Signal, string>> = {
  metrics: "data points",
  logs: "log records",
  traces: "spans",
};

/** Null when the JSON text may be parsed: brackets are counted outside of strings, without building anything. */
export function scanJson(text: string, limits = SCAN_LIMITS): ScanIssue | null {
  let depth = 0;
  let entries = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        for (at += 1; at < text.length && text.charCodeAt(at) !== 0x22; at += 1)
          if (text.charCodeAt(at) === 0x5c) at += 1;
        break;
      case 0x7b: // {
      case 0x5b: // [
        depth += 1;
        entries += 1;
        // In JSON a message takes two levels where it is in a list.
        if (depth > 2 * limits.depthMax) return malformed(`nested deeper than ${2 * limits.depthMax} levels`);
        if (entries > limits.entriesMax) return tooMany(limits.entriesMax, "objects and lists");
        break;
      case 0x7d:
      case 0x5d:
        depth -= 1;
        break;
    }
  }
  return null;
}

export function tooMany(max: number, what: string): ScanIssue {
  return { code: "too_many", message: `the body has more than ${max} ${what}; send it in smaller batches` };
}

function malformed(message: string): ScanIssue {
  return { code: "malformed", message };
}
