import { afterAll, beforeAll, expect, test } from "vitest";
import { joinLines, type LogLine } from "@flowplane/link";
import { API_PREFIX } from "@flowplane/contract";
import { ended, linesOf, runWorld, T0, type RunWorld } from "../fixtures.ts";

let world: RunWorld;
beforeAll(async () => {
  world = await runWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function runWithLog(...segments: readonly LogLine[][]): Promise<string> {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  for (const [index, lines] of segments.entries()) await world.upload(agent, run.id, index + 1, lines);
  return run.id;
}

const logs = async (id: string, query: string) => (await world.call("GET", `/runs/${id}/logs?${query}`)).body;
const search = async (id: string, query: string) =>
  (await world.call("GET", `/runs/${id}/logs/search?${query}`)).body;
const seqsOf = (page: { items: { seq: number }[] }) => page.items.map((line) => line.seq);

async function download(
  id: string,
  query: string,
): Promise<{ headers: Record<string, unknown>; payload: Buffer }> {
  const response = await world.fastify.inject({
    method: "GET",
    url: `${API_PREFIX}/runs/${id}/logs/download?${query}`,
    headers: { "x-actor": world.ctx.actor.id },
  });
  expect(response.statusCode).toBe(200);
  return { headers: response.headers, payload: response.rawPayload };
}

test("pages go over segments and end where the stored log ends", async () => {
  const id = await runWithLog(linesOf(1, 10), linesOf(11, 20), linesOf(21, 25));
  const first = await logs(id, "limit=12");
  expect(seqsOf(first)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  expect(first).toMatchObject({ next_seq: 13, last_seq: 25 });
  expect(first.items[2]).toEqual({
    seq: 3,
    at: new Date(T0 + 3).toISOString(),
    stream: "stderr",
    text: "line 3",
    partial: false,
  });
  const rest = await logs(id, "from_seq=13");
  expect(seqsOf(rest)).toEqual([13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25]);
  expect(rest.next_seq).toBeNull();
  expect(await logs(id, "from_seq=26")).toEqual({ items: [], next_seq: null, last_seq: 25, first_seq: 1 });
  expect(await logs(await runWithLog(), "")).toEqual({
    items: [],
    next_seq: null,
    last_seq: 0,
    first_seq: 1,
  });
  for (const query of ["from_seq=0", "limit=0", "limit=2001", "from_seq=x"])
    expect((await world.call("GET", `/runs/${id}/logs?${query}`)).status).toBe(400);
});

test("a page ends before it gets too large", async () => {
  const long = "x".repeat(64 * 1024);
  const id = await runWithLog(
    linesOf(1, 50, () => long),
    linesOf(51, 100, () => long),
  );
  const page = await logs(id, "limit=100");
  expect(page).toMatchObject({ next_seq: 65, last_seq: 100 });
  expect(seqsOf(await logs(id, "limit=100&from_seq=65"))).toHaveLength(36);
});

test("what is no UTF-8 is shown with replacements, and exactly beside it", async () => {
  const broken = Buffer.from([0x61, 0xff, 0x62]);
  const [line] = linesOf(1, 1);
  if (line === undefined) throw new Error("one line was asked for");
  const id = await runWithLog([{ ...line, bytes: broken, partial: true }]);
  expect((await logs(id, "")).items).toEqual([
    {
      seq: 1,
      at: new Date(T0 + 1).toISOString(),
      stream: "stdout",
      text: "a\uFFFDb",
      base64: broken.toString("base64"),
      partial: true,
    },
  ]);
});

test("search finds lines in all stored segments, with and without case", async () => {
  const text = (seq: number) => (seq % 10 === 0 ? `ERROR Straße ${seq}` : `ok ${seq}`);
  const id = await runWithLog(linesOf(1, 30, text), linesOf(31, 50, text));
  expect(await search(id, "q=error")).toEqual({ seqs: [10, 20, 30, 40, 50], searched_to: 50, more: false });
  expect((await search(id, "q=error&case_sensitive=true")).seqs).toEqual([]);
  expect((await search(id, "q=STRASSE")).seqs).toEqual([]);
  expect((await search(id, `q=${encodeURIComponent("strAßE 4")}`)).seqs).toEqual([40]);
  expect(await search(id, "q=ERROR&limit=2")).toEqual({ seqs: [10, 20], searched_to: 20, more: true });
  expect(await search(id, "q=ERROR&from_seq=21")).toEqual({
    seqs: [30, 40, 50],
    searched_to: 50,
    more: false,
  });
  expect(await search(await runWithLog(), "q=x")).toEqual({ seqs: [], searched_to: 0, more: false });
});

test("search matches what is read, not the escape sequences of a terminal", async () => {
  const id = await runWithLog(linesOf(1, 3, (seq) => `\u001b[31mER\u001b[1mROR\u001b[0m ${seq}`));
  expect((await search(id, "q=error%202")).seqs).toEqual([2]);
  expect((await search(id, "q=ERROR&case_sensitive=true")).seqs).toEqual([1, 2, 3]);
  expect((await search(id, "q=31m")).seqs).toEqual([]);
  expect((await search(id, "q=%1b[31m")).seqs).toEqual([1, 2, 3]);
});

test("one search looks through so much and says where to go on", async () => {
  const long = "x".repeat(64 * 1024);
  const segment = (first: number) =>
    linesOf(first, first + 49, (seq) => (seq % 300 === 0 ? `${long.slice(9)}needle` : long));
  const id = await runWithLog(...Array.from({ length: 12 }, (_, index) => segment(1 + index * 50)));
  const first = await search(id, "q=needle&case_sensitive=true");
  expect(first).toMatchObject({ seqs: [300], searched_to: 512, more: true });
  const second = await search(id, `q=needle&case_sensitive=true&from_seq=${first.searched_to + 1}`);
  expect(second).toEqual({ seqs: [600], searched_to: 600, more: false });
});

test("a download gives back the exact bytes of a stream, of both, or lines with times", async () => {
  const lines: LogLine[] = [
    { seq: 1, atMs: T0, stream: "stdout", bytes: Buffer.from([0, 255, 10, 13]), partial: true },
    { seq: 2, atMs: T0, stream: "stderr", bytes: Buffer.from("warn"), partial: false },
    { seq: 3, atMs: T0, stream: "stdout", bytes: Buffer.from("\u001b[31mred\u001b[0m"), partial: false },
  ];
  const more = linesOf(4, 2_000);
  const id = await runWithLog(lines, more);
  const all = [...lines, ...more];
  const raw = await download(id, "format=raw&stream=stdout");
  expect(raw.payload).toEqual(Buffer.from(joinLines(all.filter((line) => line.stream === "stdout"))));
  expect(raw.headers).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="run-${id}-stdout.out"`,
  });
  expect((await download(id, "format=raw")).payload).toEqual(Buffer.from(joinLines(all)));
  const text = (await download(id, "stream=stderr")).payload.toString();
  expect(text.split("\n").slice(0, 2)).toEqual([
    "2026-03-01T12:00:00.000Z stderr warn",
    "2026-03-01T12:00:00.006Z stderr line 6",
  ]);
  const jsonl = (await download(id, "format=jsonl")).payload.toString().trimEnd().split("\n");
  expect(jsonl).toHaveLength(2_000);
  expect(JSON.parse(jsonl[0] ?? "")).toMatchObject({ seq: 1, base64: "AP8KDQ==", partial: true });
  expect((await download(await runWithLog(), "format=raw")).payload).toHaveLength(0);
});

test("a neighbour reads no line", async () => {
  const id = await runWithLog(linesOf(1, 3));
  const { actor } = await world.neighbour();
  for (const path of ["logs", "logs/search?q=x", "logs/download", "logs/stream"]) {
    expect((await world.call("GET", `/runs/${id}/${path}`, undefined, actor)).status).toBe(404);
    expect((await world.call("GET", `/runs/unknown/${path}`)).status).toBe(404);
  }
});

test("a segment that is gone from the object store is an error of ours, not an empty log", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.upload(agent, run.id, 1, linesOf(1, 3));
  await world.report(agent, ended(run.id, {}, T0, 3));
  for await (const key of world.base.objects.list(`runs/${world.ctx.actor.organization_id}/${run.id}`))
    await world.base.objects.delete(key);
  expect((await world.call("GET", `/runs/${run.id}/logs`)).status).toBe(500);
});
