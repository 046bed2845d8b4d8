import { createHash } from "node:crypto";

/** JSON with sorted keys: the same document has the same text, whoever wrote its fields in which order. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

/** Hex SHA-256 of a document's canonical JSON. */
export function hashDocument(document: unknown): string {
  return createHash("sha256").update(canonicalJson(document)).digest("hex");
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
