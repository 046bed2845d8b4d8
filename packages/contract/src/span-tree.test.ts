import { expect, test } from "vitest";
import type { OwnSpan } from "./telemetry.ts";
import { placeSpans } from "./span-tree.ts";

function span(span_id: string, parent_span_id: string | null): OwnSpan {
  return {
    span_id,
    parent_span_id,
    name: span_id,
    kind: "internal",
    service: "",
    status: "unset",
    status_message: "",
    start_us: 0,
    duration_us: 1,
    attributes: {},
  };
}

function check(spans: readonly OwnSpan[], expected: readonly string[]) {
  expect(placeSpans(spans).map(({ span: { span_id }, depth }) => `${" ".repeat(depth)}${span_id}`)).toEqual(
    expected,
  );
}

test("each span stands below the one it is part of, siblings in their order", () => {
  check(
    [span("a", null), span("b", "a"), span("c", "a"), span("d", "b"), span("e", null)],
    ["a", " b", "  d", " c", "e"],
  );
});

test("one whose parent is not kept stands at the top", () =>
  check([span("b", "gone"), span("c", "b")], ["b", " c"]));

test("a ring, and one that is part of itself, are shown once", () => {
  check([span("a", "b"), span("b", "a"), span("c", "c")], ["a", " b", "c"]);
});

test("a trace that is one long chain is no trouble", () => {
  const chain = Array.from({ length: 20_000 }, (_, at) => span(String(at), at === 0 ? null : String(at - 1)));
  expect(placeSpans(chain).at(-1)?.depth).toBe(19_999);
});
