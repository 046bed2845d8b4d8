import type { Draft, Unsent } from "./DraftKeeper.ts";

/** What this browser kept, or undefined when it is none of ours. */
export function parseUnsent(stored: string | null): Unsent | undefined {
  if (stored === null) return undefined;
  try {
    const parsed: unknown = JSON.parse(stored);
    return isUnsent(parsed) ? parsed : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isUnsent(value: unknown): value is Unsent {
  if (!isRecord(value) || typeof value["revision"] !== "number" || !isRecord(value["draft"])) return false;
  const { base, body, overlays } = value["draft"] as Partial<Draft>;
  return (
    typeof base === "number" &&
    typeof body === "string" &&
    Array.isArray(overlays) &&
    overlays.every(
      (overlay: unknown) =>
        isRecord(overlay) &&
        ["name", "selector", "body"].every((field) => typeof overlay[field] === "string"),
    )
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
