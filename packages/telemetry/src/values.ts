import type { AnyValue, KeyValue } from "./gen/otlp_pb.ts";

/** A value as plain JSON; bytes as base64, whole numbers beyond 2^53 as text. Its depth was bounded before decoding. */
export function plainValue(value: AnyValue | undefined): unknown {
  const kind = value?.value;
  switch (kind?.case) {
    case "stringValue":
    case "boolValue":
      return typeof kind.value === "string" ? storable(kind.value) : kind.value;
    case "doubleValue":
      return Number.isFinite(kind.value) ? kind.value : String(kind.value);
    case "intValue": {
      const number = Number(kind.value);
      return Number.isSafeInteger(number) ? number : String(kind.value);
    }
    case "bytesValue":
      return kind.value.toBase64();
    case "arrayValue":
      return kind.value.values.map(plainValue);
    case "kvlistValue":
      return plainAttributes(kind.value.values);
    default:
      return null;
  }
}

/** Attributes as plain JSON; of a key that comes twice the last counts. */
export function plainAttributes(pairs: readonly KeyValue[]): Record<string, unknown> {
  const entries = pairs.map(({ key, value }) => [storable(key), plainValue(value)] as const);
  return Object.fromEntries(entries);
}

/** Attributes and the name of their scope as a JSON object; one that is too long is kept as the beginning of its text. */
export function boundedAttributes(scope: string, pairs: readonly KeyValue[], charsMax: number): string {
  const attributes = {
    ...(scope === "" ? {} : { "otel.scope.name": storable(scope) }),
    ...plainAttributes(pairs),
  };
  const json = JSON.stringify(attributes);
  return json.length <= charsMax ? json : JSON.stringify({ "flowplane.cut": cut(json, charsMax) });
}

/** As text: a string as it is, everything else as JSON. */
export function textOf(value: AnyValue | undefined): string {
  const plain = plainValue(value);
  return typeof plain === "string" ? plain : plain === null ? "" : JSON.stringify(plain);
}

/** What PostgreSQL takes: no NUL, no half of a surrogate pair. */
export function storable(text: string): string {
  return text.includes("\0") || !text.isWellFormed()
    ? text.replaceAll("\0", "\u{fffd}").toWellFormed()
    : text;
}

/** The first characters of a text, never half of a pair. */
export function cut(text: string, charsMax: number): string {
  return text.length <= charsMax ? text : `${text.slice(0, charsMax - 1).toWellFormed()}…`;
}
