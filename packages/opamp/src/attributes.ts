// OpenTelemetry attributes to plain JSON and back. JSON has no 64-bit integer and no bytes: integers
// beyond 2^53 become decimal strings and bytes become {"base64": …}. That is for storing and showing.
// PostgreSQL's jsonb refuses the character NUL, which protobuf allows: it becomes U+FFFD.

import { create } from "@bufbuild/protobuf";
import { toBase64 } from "./bytes.ts";
import type { Json } from "./digest.ts";
import { AnyValueSchema, KeyValueSchema, type AnyValue, type KeyValue } from "./gen/opamp_pb.ts";

export type Attributes = { [key: string]: Json };

/** Plain JSON of an attribute list. Of a key that comes twice the last one counts. */
export function attributesToJson(list: readonly KeyValue[]): Attributes {
  const attributes: Attributes = {};
  for (const { key, value } of list) {
    setOwn(attributes, storableText(key), value ? anyValueToJson(value) : null);
  }
  return attributes;
}

export function anyValueToJson({ value }: AnyValue): Json {
  switch (value.case) {
    case "stringValue":
      return storableText(value.value);
    case "boolValue":
      return value.value;
    case "doubleValue":
      return numberToJson(value.value);
    case "intValue":
      return integerToJson(value.value);
    case "bytesValue":
      return { base64: toBase64(value.value) };
    case "arrayValue":
      return value.value.values.map(anyValueToJson);
    case "kvlistValue":
      return attributesToJson(value.value.values);
    case undefined:
      return null;
  }
}

/** The attribute list of plain JSON. Whole numbers become integers, other numbers doubles. */
export function attributesFromJson(attributes: { readonly [key: string]: Json }): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) =>
    create(KeyValueSchema, { key, value: anyValueFromJson(value) }),
  );
}

export function anyValueFromJson(json: Json): AnyValue {
  if (json === null) return create(AnyValueSchema, {});
  if (typeof json === "string")
    return create(AnyValueSchema, { value: { case: "stringValue", value: json } });
  if (typeof json === "boolean") return create(AnyValueSchema, { value: { case: "boolValue", value: json } });
  if (typeof json === "number") {
    return Number.isSafeInteger(json)
      ? create(AnyValueSchema, { value: { case: "intValue", value: BigInt(json) } })
      : create(AnyValueSchema, { value: { case: "doubleValue", value: json } });
  }
  if (isList(json)) {
    const values = json.map(anyValueFromJson);
    return create(AnyValueSchema, { value: { case: "arrayValue", value: { values } } });
  }
  return create(AnyValueSchema, {
    value: { case: "kvlistValue", value: { values: attributesFromJson(json) } },
  });
}

/** A number while it is exact, a decimal string beyond 2^53. */
export function integerToJson(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** JSON has no NaN, no infinities and no negative zero: the first two become text, the last becomes 0. */
export function numberToJson(value: number): number | string {
  return Number.isFinite(value) ? value + 0 : String(value);
}

/** The text without NUL characters. */
export function storableText(text: string): string {
  return text.includes("\0") ? text.replaceAll("\0", "\ufffd") : text;
}

/** Assigns a member whatever its name: an agent may well call an attribute `__proto__`. */
export function setOwn<T>(target: { [key: string]: T }, key: string, value: T): void {
  if (key === "__proto__") {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}
