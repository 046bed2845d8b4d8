import { zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeLines, SEGMENT_BYTES_MAX } from "@flowplane/link";
import { subjects } from "../../../platform/bus/bus.ts";
import { metrics } from "../../../platform/metrics.ts";
import { ended, linesOf, runWorld, segmentBody, T0, type RunWorld } from "../fixtures.ts";

let world: RunWorld;
beforeAll(async () => {
  world = await runWorld();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function freshRun() {
  const agent = await world.addAgent();
  return { agent, run: await world.launch({ agent_id: agent.agent_id }) };
}

const segmentsOf = (runId: string) =>
  world.base.storage.system
    .selectFrom("log_segments")
    .selectAll()
    .where("run_id", "=", runId)
    .orderBy("segment_seq")
    .execute();

test("a segment is stored as it came, once, and counted", async () => {
  const { agent, run } = await freshRun();
  const lines = linesOf(1, 5);
  expect((await world.upload(agent, run.id, 1, lines)).status).toBe(204);
  expect((await world.upload(agent, run.id, 1, lines)).status).toBe(204);
  const [row, ...others] = await segmentsOf(run.id);
  expect(others).toEqual([]);
  expect(row).toMatchObject({ first_seq: 1, last_seq: 5, lines: 5, bytes: 35 });
  expect(await world.base.objects.get(row?.object_key ?? "")).toEqual(segmentBody(lines));
  expect((await world.readRun(run.id)).log).toEqual({
    bytes: 35,
    lines: 5,
    stored_seq: 5,
    complete: false,
    redactions: 0,
    expired: false,
    first_seq: 1,
    expired_until: null,
    sentence: null,
  });
  expect(await metrics.getSingleMetricAsString("flowplane_log_ingest_lag_seconds")).toMatch(/_count [1-9]/);
});

test("segments come in any order; what is readable grows without a hole", async () => {
  const { agent, run } = await freshRun();
  const stored = async () => (await world.readRun(run.id)).log.stored_seq;
  await world.upload(agent, run.id, 3, linesOf(11, 15));
  await world.upload(agent, run.id, 2, linesOf(6, 10));
  expect(await stored()).toBe(0);
  await world.upload(agent, run.id, 1, linesOf(1, 5));
  expect(await stored()).toBe(15);
  await world.upload(agent, run.id, 5, linesOf(21, 25));
  expect(await stored()).toBe(15);
  await world.upload(agent, run.id, 4, linesOf(16, 20));
  expect(await world.readRun(run.id)).toMatchObject({ log: { stored_seq: 25, lines: 25 } });
});

test("ten uploads of one segment at once store it once", async () => {
  const { agent, run } = await freshRun();
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => world.upload(agent, run.id, 1, linesOf(1, 3))),
  );
  expect(answers.map((answer) => answer.status)).toEqual(Array.from({ length: 10 }, () => 204));
  expect((await world.readRun(run.id)).log).toMatchObject({ lines: 3, stored_seq: 3 });
});

test("the log is complete once the end and every line are here, in whatever order", async () => {
  const { agent, run } = await freshRun();
  await world.report(agent, ended(run.id, {}, T0, 5));
  expect((await world.readRun(run.id)).log.complete).toBe(false);
  const notices: unknown[] = [];
  world.base.bus.subscribe(subjects.changes(world.ctx.actor.organization_id), ({ data }) =>
    notices.push(data),
  );
  await world.upload(agent, run.id, 1, linesOf(1, 5));
  expect((await world.readRun(run.id)).log.complete).toBe(true);
  expect(notices).toContainEqual({ topic: "run", id: run.id });
});

test("a log of nothing is complete with the end", async () => {
  const { agent, run } = await freshRun();
  await world.report(agent, ended(run.id));
  expect((await world.readRun(run.id)).log.complete).toBe(true);
});

test("what is damaged, contradicts itself or is too large is refused, and nothing of it stays", async () => {
  const { agent, run } = await freshRun();
  const lines = linesOf(1, 5);
  const refuse = async (change: Parameters<RunWorld["upload"]>[4], status: number, detail: RegExp) => {
    const answer = await world.upload(agent, run.id, 1, lines, change);
    expect([answer.status, answer.body.detail]).toEqual([status, expect.stringMatching(detail)]);
  };
  await refuse({ headers: { "x-flowplane-sha256": "0".repeat(64) } }, 400, /damaged on its way/);
  await refuse({ headers: { "x-flowplane-sha256": "none" } }, 400, /64 hexadecimal digits/);
  await refuse({ headers: { "x-flowplane-last-seq": "6" } }, 400, /holds lines 1 to 5/);
  await refuse({ headers: { "x-flowplane-first-seq": "-1" } }, 400, /x-flowplane-first-seq/);
  await refuse({ body: Buffer.from("garbage") }, 400, /not zstd/);
  await refuse({ body: zstdCompressSync(Buffer.from("garbage")) }, 400, /not an encoding of lines/);
  await refuse({ body: zstdCompressSync(encodeLines([])) }, 400, /holds lines none/);
  await refuse({ body: zstdCompressSync(Buffer.alloc(SEGMENT_BYTES_MAX * 100)) }, 400, /not zstd of at most/);
  await refuse({ body: Buffer.alloc(SEGMENT_BYTES_MAX + 100_000) }, 413, /larger/);
  await refuse({ headers: { "content-type": "text/plain" } }, 415, /Send the body/);
  expect(await segmentsOf(run.id)).toEqual([]);

  await world.upload(agent, run.id, 1, lines);
  const other = await world.upload(agent, run.id, 1, linesOf(1, 9));
  expect([other.status, other.body.detail]).toEqual([
    409,
    expect.stringMatching(/lines 1 to 5; this one has lines 1 to 9/),
  ]);
});

test("only the run's own agent brings its log", async () => {
  const { run } = await freshRun();
  const other = await world.addAgent({ name: "other" });
  const { ctx, siteId } = await world.neighbour();
  const stranger = await world.addAgent({
    organization: { organizationId: ctx.actor.organization_id, siteId },
  });
  for (const agent of [other, stranger]) {
    expect((await world.upload(agent, run.id, 1, linesOf(1, 2))).status).toBe(404);
    expect((await world.tail(agent, run.id, linesOf(1, 2))).status).toBe(404);
    expect((await world.tail(agent, run.id, linesOf(1, 2))).status).toBe(404);
  }
  expect((await world.upload(other, "unknown", 1, linesOf(1, 2))).status).toBe(404);
  expect((await world.tail(other, "unknown", linesOf(1, 2))).status).toBe(404);
  const nobody = { ...other, agent_id: "nobody" };
  expect((await world.upload(nobody, run.id, 1, linesOf(1, 2))).status).toBe(401);
  expect((await world.tail(nobody, run.id, linesOf(1, 2))).status).toBe(401);
});

test("an object store that fails fails the upload, and the next one is taken", async () => {
  const { agent, run } = await freshRun();
  const { objects } = world.base;
  const { put } = objects;
  objects.put = async () => {
    throw new Error("disk full");
  };
  expect((await world.upload(agent, run.id, 1, linesOf(1, 2))).status).toBe(500);
  objects.put = put;
  expect(await segmentsOf(run.id)).toEqual([]);
  expect((await world.upload(agent, run.id, 1, linesOf(1, 2))).status).toBe(204);
});
