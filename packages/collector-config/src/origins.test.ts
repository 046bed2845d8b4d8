import fc from "fast-check";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { composeText } from "./compose.ts";
import { originsOf } from "./origins.ts";
import type { Section } from "./read.ts";
import { GOOD } from "./testing.ts";

/** The composed text with the overlay that brought each line before it. */
function blame(body: string, overlays: Readonly<Record<string, string>>): string {
  const values = Object.entries(overlays).map(([name, text]) => ({ name, value: parse(text) as Section }));
  const value = parse(body) as Section;
  const composed = composeText({ text: body, value }, values);
  const origins = originsOf(composed, value, values);
  return composed
    .trimEnd()
    .split("\n")
    .map((line, index) => {
      const by = origins.find(({ fromLine, toLine }) => fromLine <= index + 1 && index + 1 <= toLine);
      return `${(by?.overlay ?? ".").padEnd(5)}${line}`;
    })
    .join("\n");
}

const SMALL = `exporters:
  debug:
    verbosity: basic
service:
  extensions: [pprof]
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`;

test("values, lists and maps are of the last who set them; maps that several write into of the first", () => {
  expect(
    blame(SMALL, {
      a: "exporters: {debug: {verbosity: detailed}, otlp: {endpoint: here}}\nservice: {pipelines: {logs: {exporters: [debug, otlp]}}}",
      b: "exporters: {otlp: {tls: {insecure: true}}}\nprocessors: {batch: {}}",
    }),
  ).toMatchInlineSnapshot(`
    ".    exporters:
    .      debug:
    a        verbosity: detailed
    a      otlp:
    a        endpoint: here
    b        tls:
    b          insecure: true
    .    service:
    .      extensions:
    .        - pprof
    .      pipelines:
    .        logs:
    .          receivers:
    .            - otlp
    a          exporters:
    a            - debug
    a            - otlp
    b    processors:
    b      batch: {}"
  `);
});

test("extensions are put together, each of who started it first; an empty list takes them away", () => {
  expect(
    blame(SMALL, { a: "service: {extensions: [zpages, pprof]}", b: "extensions: {zpages: {}, pprof: {}}" }),
  ).toMatchInlineSnapshot(`
    ".    exporters:
    .      debug:
    .        verbosity: basic
    .    service:
    .      extensions:
    .        - pprof
    a        - zpages
    .      pipelines:
    .        logs:
    .          receivers:
    .            - otlp
    .          exporters:
    .            - debug
    b    extensions:
    b      zpages: {}
    b      pprof: {}"
  `);
  expect(blame(SMALL, { a: "service: {extensions: []}", b: "service: {extensions: [pprof]}" }))
    .toMatchInlineSnapshot(`
    ".    exporters:
    .      debug:
    .        verbosity: basic
    .    service:
    b      extensions:
    b        - pprof
    .      pipelines:
    .        logs:
    .          receivers:
    .            - otlp
    .          exporters:
    .            - debug"
  `);
});

test("texts of several lines are told whole, and lists of maps too", () => {
  expect(
    blame(SMALL, {
      a: "receivers:\n  filelog:\n    include: [a, b]\n    operators:\n      - type: json\n        id: x\n      - type: move\nprocessors:\n  transform:\n    text: |\n      one\n      two\n",
    }),
  ).toMatchInlineSnapshot(`
    ".    exporters:
    .      debug:
    .        verbosity: basic
    .    service:
    .      extensions:
    .        - pprof
    .      pipelines:
    .        logs:
    .          receivers:
    .            - otlp
    .          exporters:
    .            - debug
    a    receivers:
    a      filelog:
    a        include:
    a          - a
    a          - b
    a        operators:
    a          - type: json
    a            id: x
    a          - type: move
    a    processors:
    a      transform:
    a        text: |
    a          one
    a          two"
  `);
});

test("without overlays, or with one that says the same, lines stay the body's where it does not speak", () => {
  const value = parse(GOOD) as Section;
  expect(originsOf(GOOD, value, [])).toEqual([]);
  const all = originsOf(composeText({ text: GOOD, value }, [{ name: "all", value }]), value, [
    { name: "all", value },
  ]);
  expect(all.every(({ overlay }) => overlay === "all")).toBe(true);
});

test("every line told is in the text, in order, once", () => {
  const leaf = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.integer(),
    fc.constant(null),
    fc.array(fc.string(), { maxLength: 3 }),
  );
  const section = fc.dictionary(
    fc.constantFrom("a", "b", "c", "service", "extensions"),
    fc.oneof(
      leaf,
      fc.dictionary(
        fc.constantFrom("a", "b", "extensions"),
        fc.oneof(leaf, fc.dictionary(fc.constantFrom("x"), leaf)),
      ),
    ),
  );
  fc.assert(
    fc.property(section, fc.array(section, { minLength: 1, maxLength: 3 }), (body, parts) => {
      const overlays = parts.map((value, index) => ({ name: `o${index}`, value: value as Section }));
      const composed = composeText({ text: "", value: body as Section }, overlays);
      const origins = originsOf(composed, body as Section, overlays);
      let last = 0;
      for (const { fromLine, toLine } of origins) {
        expect(fromLine).toBeGreaterThan(last);
        expect(toLine).toBeGreaterThanOrEqual(fromLine);
        last = toLine;
      }
      expect(last).toBeLessThanOrEqual(composed.split("\n").length);
    }),
  );
});
