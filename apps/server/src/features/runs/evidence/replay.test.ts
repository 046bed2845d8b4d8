import { afterAll, beforeAll, expect, test } from "vitest";
import { zstdDecompressSync } from "node:zlib";
import { EvidenceFileReader, replay, type ReplaySegment } from "@flowplane/detection";
import { decodeLines } from "@flowplane/link";
import { PolicyDocument, type ReplayResult, type Run } from "@flowplane/contract";
import { newId } from "../../../platform/context.ts";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { ended, running, runWorld, segmentBody, T0, type RunWorld } from "../fixtures.ts";
import { loopingRun, recordRun, sha256, uploadRecording, type Recording } from "./recorded.ts";

let world: RunWorld;
let agent: AgentIdentity;
beforeAll(async () => {
  world = await runWorld();
  agent = await world.addAgent();
});
afterAll(() => world[Symbol.asyncDispose]());

const ENFORCE = PolicyDocument.parse({ mode: "enforce", warm_up_ms: 0, actions: { loop: [{ do: "stop" }] } });

async function recorded(change: (recording: Recording) => Recording = (same) => same): Promise<Run> {
  const run = await world.launch({ agent_id: agent.agent_id });
  const recording = recordRun(run.id, ENFORCE, loopingRun());
  await world.report(agent, running(run.id));
  await uploadRecording(world, agent, run.id, change(recording));
  const end = ended(run.id, { state: "STOPPED", last_evidence: recording.chunks.length }, T0 + 200_000, 150);
  await world.report(agent, end);
  return run;
}

async function replayed(run: Run, body: object = {}): Promise<ReplayResult> {
  const answer = await world.call("POST", `/runs/${run.id}/replay`, body);
  expect(answer.status).toBe(200);
  return answer.body as ReplayResult;
}

const objectOf = async (run: Run, what: "evidence" | "runs", number: number) => {
  const prefix = `${what}/${world.ctx.actor.organization_id}/${run.id}/${String(number).padStart(10, "0")}`;
  for await (const key of world.base.objects.list(prefix)) return key;
  throw new Error(`no object ${prefix}`);
};

/** The file, taken apart as it is where there is no control plane. */
function partsOf(file: string): { chunks: Uint8Array[]; segments: ReplaySegment[] } {
  const reader = new EvidenceFileReader();
  const parts = file
    .split("\n")
    .slice(0, -1)
    .flatMap((line) => reader.push(line));
  const chunks: Uint8Array[] = [];
  const segments: ReplaySegment[] = [];
  for (const part of [...parts, ...reader.end()]) {
    if (part.kind === "chunk") {
      chunks.push(part.bytes);
      continue;
    }
    const encoding = zstdDecompressSync(Buffer.from(part.base64, "base64"));
    const decoded = decodeLines(encoding);
    if (!decoded.ok) throw new Error(decoded.issue);
    segments.push({ segment: part.segment, sha256: sha256(encoding), lines: decoded.value });
  }
  return { chunks, segments };
}

test("every decision comes out again, byte for byte, and the file says the same elsewhere", async () => {
  const run = await recorded();
  const result = await replayed(run);
  expect(result).toMatchObject({ run_id: run.id, equal: true, intact: true, problem: null });
  expect(result.decisions.at(-1)).toMatchObject({
    kind: "confirmed",
    category: "loop",
    action: "stop",
    outcome: "done",
    recorded: true,
    replayed: true,
  });
  const file = await world.call("GET", `/runs/${run.id}/evidence/download`);
  expect(file.status).toBe(200);
  const elsewhere = await replay({ ...partsOf(String(file.body)), sha256 });
  expect(elsewhere).toMatchObject({ equal: true, intact: true, problem: null, events: result.events });
  expect(elsewhere.sentence).toBe(result.sentence);
});

test("under another policy it says what that would have done", async () => {
  const run = await recorded();
  const calm = await replayed(run, { policy_document: { benign: ["permission denied"] } });
  expect(calm).toMatchObject({ equal: null, intact: true });
  expect(calm.sentence).toContain("nothing would have been done");
  const { body: policy } = await world.call("POST", "/policies", {
    name: "Pauses",
    document: { mode: "enforce", warm_up_ms: 0, actions: { loop: [{ do: "freeze" }] } },
  });
  const other = await replayed(run, { policy: { policy_id: policy.id } });
  expect(other.decisions.at(-1)).toMatchObject({ action: "freeze", outcome: "done" });
  const both = await world.call("POST", `/runs/${run.id}/replay`, {
    policy: { policy_id: policy.id },
    policy_document: {},
  });
  expect(both.status).toBe(400);
});

test("a run without evidence, and one of nobody", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  expect(await replayed(run)).toMatchObject({
    equal: null,
    intact: false,
    problem: "There is no evidence of this run.",
  });
  expect((await world.call("POST", `/runs/${newId()}/replay`, {})).status).toBe(404);
});

test.each<[string, (run: Run) => Promise<void>, RegExp]>([
  [
    "a line of the log was changed",
    async (run) => {
      const lines = recordRun(run.id, ENFORCE, loopingRun()).segments[2] ?? [];
      const forged = lines.map((line, index) =>
        index === 7 ? { ...line, bytes: Buffer.from("all is well") } : line,
      );
      await world.base.objects.delete(await objectOf(run, "runs", 3));
      const { object_key } = await world.base.storage.system
        .selectFrom("log_segments")
        .select("object_key")
        .where("run_id", "=", run.id)
        .where("segment_seq", "=", 3)
        .executeTakeFirstOrThrow();
      await world.base.objects.put(object_key, segmentBody(forged));
    },
    /^Segment 3 of the log, lines 101 to 150, is not the one that was decided from\.$/,
  ],
  [
    "a segment is gone from the store",
    async (run) => world.base.objects.delete(await objectOf(run, "runs", 2)),
    /^Segment 2 of the log is not in the object store\.$/,
  ],
  [
    "a chunk is damaged",
    async (run) => {
      const key = await objectOf(run, "evidence", 1);
      await world.base.objects.delete(key);
      await world.base.objects.put(key, Buffer.from("rubbish"));
    },
    /^Chunk 1 is damaged: not zstd/,
  ],
  [
    "the last chunk was taken away",
    async (run) => {
      await world.base.storage.system
        .deleteFrom("evidence_chunks")
        .where("run_id", "=", run.id)
        .where("chunk", ">=", 2)
        .execute();
    },
    /^Chunks 2 to \d are not stored here\.$/,
  ],
])("it is said plainly when %s", async (_what, tamper, problem) => {
  const run = await recorded((recording) => recording);
  await tamper(run);
  const result = await replayed(run);
  expect(result.problem).toMatch(problem);
  expect(result.equal).not.toBe(true);
  expect(result.intact).toBe(false);
});

test("evidence made to break the reader breaks nothing but its own replay", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  const recording = recordRun(run.id, ENFORCE, loopingRun());
  const text = Buffer.from(recording.chunks[0] ?? []).toString();
  const wild = text.replaceAll(/"at":\d+/g, '"at":1e300').replace('"benign":[]', '"benign":{"length":1e9}');
  await world.uploadEvidence(agent, run.id, 1, Buffer.from(wild));
  expect(await replayed(run)).toMatchObject({ equal: null, intact: false });
});

test("the thread that serves requests stays free while replays run", async () => {
  const run = await recorded();
  const results = await Promise.all(Array.from({ length: 6 }, () => replayed(run)));
  expect(results.map(({ equal }) => equal)).toEqual(results.map(() => true));
});
