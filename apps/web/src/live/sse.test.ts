import fc from "fast-check";
import { expect, test } from "vitest";
import { SseParser } from "./sse.ts";

const STREAM = `: hello\nid: 1\nevent: change\ndata: {"a":1}\n\ndata: two\ndata: lines\n\nid: 3\n\nevent: end\r\ndata:x\r\n\r\n`;
const EVENTS = [
  { id: "1", event: "change", data: '{"a":1}' },
  { id: "1", event: "message", data: "two\nlines" },
  { id: "3", event: "end", data: "x" },
];

test("events, ids that stay, comments and both line ends", () => {
  expect(new SseParser().push(STREAM)).toEqual(EVENTS);
});

test("torn anywhere, the events are the same", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 12 }), (cuts) => {
      const parser = new SseParser();
      const places = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
      const events = places.slice(1).flatMap((end, index) => parser.push(STREAM.slice(places[index], end)));
      expect(events).toEqual(EVENTS);
    }),
  );
});
