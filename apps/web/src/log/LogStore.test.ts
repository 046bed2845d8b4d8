import { afterEach, expect, test, vi } from "vitest";
import type { LogLine } from "@flowplane/contract";
import { LogStore, PAGE_LINES } from "./LogStore.ts";

// What the page remembers is looked for while its modules load.
vi.hoisted(() => vi.stubGlobal("window", { localStorage: { getItem: () => null } }));
afterEach(() => vi.unstubAllGlobals());

const line = (seq: number): LogLine => ({
  seq,
  at: "2026-05-03T00:00:00.000Z",
  stream: "stdout",
  text: `line ${seq}`,
  partial: false,
});

/** A control plane that holds the lines from `first` to `last`; the pages it was asked for, by their first line. */
function serve(log: { first: number; last: number }): number[] {
  const asked: number[] = [];
  vi.stubGlobal("requestAnimationFrame", (then: () => void) => queueMicrotask(then));
  vi.stubGlobal("fetch", async (input: string | URL) => {
    const query = new URL(String(input), "http://plane").searchParams;
    const [from, limit] = [Number(query.get("from_seq")), Number(query.get("limit"))];
    asked.push(from);
    const start = Math.max(from, log.first);
    const count = Math.max(0, Math.min(limit, log.last - start + 1));
    const items = Array.from({ length: count }, (_, index) => line(start + index));
    return Response.json({ items, next_seq: null, last_seq: log.last, first_seq: log.first });
  });
  return asked;
}

async function settled(store: LogStore): Promise<void> {
  const { version } = store;
  const before = version();
  await vi.waitUntil(() => version() !== before);
}

test("a log that begins later is read from its first line on, and nothing before is asked for", async () => {
  const log = { first: 2 * PAGE_LINES + 100, last: 4 * PAGE_LINES };
  const asked = serve(log);
  const store = new LogStore("r", log.first, log.last);
  store.want(1, log.first + 10);
  await settled(store);
  expect(asked).toEqual([2 * PAGE_LINES + 1]);
  expect([store.firstSeq, store.line(log.first)?.seq, store.line(log.first - 1)]).toEqual([
    log.first,
    log.first,
    undefined,
  ]);
  // What has expired is not missing: the page is whole.
  store.want(1, log.first + 10);
  expect(asked).toHaveLength(1);
});

test("what expires while it is open is learnt with the next page", async () => {
  const log = { first: 1, last: 3 * PAGE_LINES };
  serve(log);
  const store = new LogStore("r", 1, log.last);
  log.first = PAGE_LINES + 1;
  store.want(2 * PAGE_LINES + 1, log.last);
  await settled(store);
  expect([store.firstSeq, store.lastSeq]).toEqual([PAGE_LINES + 1, log.last]);
});
