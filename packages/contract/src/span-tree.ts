import type { OwnSpan } from "./telemetry.ts";

/** Microseconds as people say them: 640 µs, 45.3 ms, 2.1 s. */
export function spanTime(us: number): string {
  if (us < 1_000) return `${us} µs`;
  return us < 1_000_000 ? `${(us / 1_000).toFixed(1)} ms` : `${(us / 1_000_000).toFixed(1)} s`;
}

/** A span with how many of those it is part of are above it. */
export interface PlacedSpan {
  readonly span: OwnSpan;
  readonly depth: number;
}

/**
 * Spans of one trace with each below the one it is part of, siblings in the order they came. One whose parent is not there
 * stands at the top, as do spans that are part of each other in a ring, of which the first comes first.
 */
export function placeSpans(spans: readonly OwnSpan[]): PlacedSpan[] {
  const ids = new Set(spans.map(({ span_id }) => span_id));
  const children = Map.groupBy(spans, ({ parent_span_id: parent }) =>
    parent !== null && ids.has(parent) ? parent : null,
  );
  const placed: PlacedSpan[] = [];
  const seen = new Set<OwnSpan>();
  const place = (roots: readonly OwnSpan[]) => {
    const open = roots.toReversed().map((span): PlacedSpan => ({ span, depth: 0 }));
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { span, depth } = next;
      if (seen.has(span)) continue;
      seen.add(span);
      placed.push(next);
      for (const child of (children.get(span.span_id) ?? []).toReversed())
        open.push({ span: child, depth: depth + 1 });
    }
  };
  place(children.get(null) ?? []);
  for (const span of spans) if (!seen.has(span)) place([span]);
  return placed;
}
