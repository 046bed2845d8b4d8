/** Levels of nesting kept of a payload; PostgreSQL's JSON parser has a stack, and nobody reads deeper. */
const DEPTH_MAX = 16;
const REPLACEMENT = "\uFFFD";

/** Text as PostgreSQL can store it: well-formed Unicode without NUL, cut to `lengthMax` characters. */
export function storableText(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text;
  return cut.toWellFormed().replaceAll("\0", REPLACEMENT);
}

/**
 * JSON from an agent as a jsonb column can store it. What cannot be stored would fail the whole batch it came in,
 * and the agent would send that batch for ever.
 */
export function storableJson(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return storable(value, 0) as Record<string, unknown>; // An object above the depth limit stays an object.
}

function storable(value: unknown, depth: number): unknown {
  if (typeof value === "string") return storableText(value, value.length + 1);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) return "…";
  if (Array.isArray(value)) return value.map((item) => storable(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      storableText(key, key.length + 1),
      storable(item, depth + 1),
    ]),
  );
}
