import { afterAll, beforeAll, expect, test } from "vitest";
import { chunkBytes } from "@flowplane/detection";
import { EVIDENCE_BYTES_MAX } from "@flowplane/link";
import type { Run, RunSample } from "@flowplane/contract";
import { metrics } from "../../../platform/metrics.ts";
import { newId } from "../../../platform/context.ts";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { ended, iso, running, runWorld, T0, type RunWorld } from "../fixtures.ts";

let world: RunWorld;
let agent: AgentIdentity;
beforeAll(async () => {
  world = await runWorld();
  agent = await world.addAgent();
});
afterAll(() => world[Symbol.asyncDispose]());

async function freshRun(): Promise<Run> {
  world.clock.now = T0;
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, running(run.id));
  return run;
}

function sample(at: number, values: Record<string, number> = {}): string {
  const event = {
    kind: "sample",
    at,
    cpu_ms: at - T0,
    rss_bytes: 1_000,
    children: 3,
    log_bytes: 7,
    ...values,
  };
  return JSON.stringify({ after: 0, event, type: "observed" });
}

const chunk = (run: Run, number: number, lines: readonly string[] = []) =>
  chunkBytes(run.id, number, number === 1 ? null : "0".repeat(64), lines);
const stored = (run: Run) =>
  world.base.storage.system
    .selectFrom("evidence_chunks")
    .selectAll()
    .where("run_id", "=", run.id)
    .orderBy("chunk")
    .execute();
const storedBytes = async () => {
  const text = await metrics.getSingleMetricAsString("flowplane_evidence_stored_bytes_total");
  return Number(/_total (\d+)/.exec(text)?.[1]);
};
const samples = async (run: Run, query = "") =>
  (await world.call("GET", `/runs/${run.id}/samples${query}`)).body as {
    items: RunSample[];
    every_ms: number;
  };

test("a chunk is stored as it came, once, in any order, several times at once", async () => {
  const run = await freshRun();
  const before = await storedBytes();
  const second = await world.uploadEvidence(agent, run.id, 2, chunk(run, 2));
  expect(second).toEqual({ status: 204, body: null });
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => world.uploadEvidence(agent, run.id, 1, chunk(run, 1, [sample(T0)]))),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([204]));
  const rows = await stored(run);
  const bytes = rows.reduce((sum, row) => sum + Number(row.stored_bytes), 0);
  expect((await storedBytes()) - before).toBe(bytes);
  expect(rows.map((row) => row.chunk)).toEqual([1, 2]);
  for (const row of rows) expect(await world.base.objects.get(row.object_key)).toHaveLength(row.stored_bytes);
  const other = await world.uploadEvidence(agent, run.id, 1, chunk(run, 1, [sample(T0 + 1)]));
  expect([other.status, other.body.code]).toEqual([409, "conflict"]);
});

test("what is damaged, of another run, no evidence or too large is refused, and nothing of it stays", async () => {
  const run = await freshRun();
  const bomb = Buffer.alloc(EVIDENCE_BYTES_MAX + 1, " ");
  const refused = [
    await world.uploadEvidence(agent, run.id, 1, chunk(run, 1), {
      headers: { "x-flowplane-sha256": "0".repeat(64) },
    }),
    await world.uploadEvidence(agent, run.id, 1, chunk(run, 1), { body: Buffer.from("plain text") }),
    await world.uploadEvidence(agent, run.id, 1, bomb),
    await world.uploadEvidence(agent, run.id, 2, chunk(run, 1)),
    await world.uploadEvidence(agent, run.id, 1, chunkBytes(newId(), 1, null, [])),
    await world.uploadEvidence(agent, run.id, 1, Buffer.from("{}\n")),
    await world.uploadEvidence(agent, run.id, 1, Buffer.from("no JSON")),
    await world.uploadEvidence(agent, run.id, 0, chunk(run, 1)),
  ];
  expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
    refused.map(() => [400, "invalid_input"]),
  );
  const other = await world.addAgent({ name: "edge-2" });
  expect((await world.uploadEvidence(other, run.id, 1, chunk(run, 1))).status).toBe(404);
  expect(await stored(run)).toEqual([]);
});

test("samples become series, and the newest what the run uses now", async () => {
  const run = await freshRun();
  world.clock.now = T0 + 60_000;
  const lines = [
    sample(T0 + 5_000, { rss_bytes: 500 }),
    sample(T0 + 10_000, {
      rss_bytes: 9_000,
      processes: 4,
      read_bytes: 5,
      write_bytes: 6,
      rss_limit_bytes: 10_000,
    }),
    sample(T0 + 10_000, { rss_bytes: 1 }),
    sample(T0 + 90 * 24 * 3_600_000),
    sample(T0 + 15_000, { rss_bytes: -1, cpu_ms: 1e300 }),
    '{"after":0,"event":{"kind":"sample","at":"now"},"type":"observed"}',
    '"kind":"sample"',
    '{"after":0,"at":1,"detail":{},"type":"note","what":"a line with \\"kind\\":\\"sample\\" in it"}',
  ];
  await world.uploadEvidence(agent, run.id, 2, chunk(run, 2, lines));
  await world.uploadEvidence(agent, run.id, 1, chunk(run, 1, [sample(T0 + 1_000, { rss_bytes: 20_000 })]));
  expect((await samples(run)).items).toEqual([
    row(1_000, { memory_bytes: 20_000 }),
    row(5_000, { memory_bytes: 500 }),
    row(10_000, {
      memory_bytes: 9_000,
      processes: 4,
      read_bytes: 5,
      write_bytes: 6,
      memory_limit_bytes: 10_000,
    }),
    row(15_000, { memory_bytes: null, cpu_ms: null }),
  ]);
  expect((await world.readRun(run.id)).usage).toEqual({
    cpu_ms: 0,
    memory_bytes: 0,
    memory_peak_bytes: 20_000,
    processes: 3,
    at: iso(T0 + 15_000),
  });
});

test("many samples are thinned out: the highest of what goes up and down, the last of what counts", async () => {
  const run = await freshRun();
  world.clock.now = T0 + 1_000_000;
  const measured = Array.from({ length: 100 }, (_, index) => index * 5_000).filter(
    (ms) => ms < 200_000 || ms >= 305_000,
  );
  const lines = measured.map((ms) => sample(T0 + ms, { rss_bytes: ms === 105_000 ? 99_999 : 1_000 }));
  await world.uploadEvidence(agent, run.id, 1, chunk(run, 1, lines));
  await world.report(agent, ended(run.id, {}, T0 + 500_000));
  const { items, every_ms } = await samples(run, "?points=5");
  expect(every_ms).toBe(101_001);
  expect(items.map(({ at, memory_bytes, cpu_ms }) => [at, memory_bytes, cpu_ms])).toEqual([
    [iso(T0 + 100_000), 1_000, 100_000],
    [iso(T0 + 195_000), 99_999, 195_000],
    [iso(T0 + 400_000), 1_000, 400_000],
    [iso(T0 + 495_000), 1_000, 495_000],
  ]);
  const part = await samples(run, `?from=${iso(T0 + 100_000)}&to=${iso(T0 + 110_000)}`);
  expect(part.items.map(({ at }) => at)).toEqual([100_000, 105_000, 110_000].map((ms) => iso(T0 + ms)));
  const backwards = await world.call("GET", `/runs/${run.id}/samples?from=${iso(T0 + 1)}&to=${iso(T0)}`);
  expect(backwards.status).toBe(400);
});

function row(ms: number, values: Partial<RunSample>): RunSample {
  return {
    at: iso(T0 + ms),
    cpu_ms: ms,
    memory_bytes: 1_000,
    memory_limit_bytes: null,
    read_bytes: null,
    write_bytes: null,
    processes: 3,
    log_bytes: 7,
    ...values,
  };
}
