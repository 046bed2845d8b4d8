import { expect, test } from "vitest";
import { evidenceFileHead, EvidenceFileReader, evidenceFileSegment } from "./evidence-file.ts";
import { replay } from "./replay.ts";
import { repeat, workLines } from "./testing.ts";
import { digest, enforcing, record, type Happening } from "./testing-record.ts";

const texts = [...workLines(90), ...repeat(['ERROR "type":"log" cannot write chunk: denied'], 60)];
const happenings: Happening[] = [
  { kind: "start", at: 0 },
  ...texts.map((text, index) => ({ text, at: index * 1_000 })),
];
const recorded = record(happenings, enforcing());
const lines = [
  evidenceFileHead("run-1"),
  ...recorded.chunks.flatMap((chunk) => new TextDecoder().decode(chunk).trimEnd().split("\n")),
  ...recorded.segments.map(({ segment }) => evidenceFileSegment(segment, `segment ${segment}`)),
];

function read(fileLines: readonly string[]) {
  const reader = new EvidenceFileReader();
  const parts = [...fileLines.flatMap((line) => reader.push(line)), ...reader.end()];
  const chunks = parts.flatMap((part) => (part.kind === "chunk" ? [part.bytes] : []));
  return { chunks, parts, runId: reader.runId };
}

test("what a file holds comes out of it byte for byte, and replays equal", async () => {
  const { chunks, parts, runId } = read(lines);
  expect(runId).toBe("run-1");
  expect(chunks).toEqual(recorded.chunks);
  expect(parts.filter(({ kind }) => kind === "segment")).toEqual(
    recorded.segments.map(({ segment }) => ({ kind: "segment", segment, base64: `segment ${segment}` })),
  );
  const report = await replay({ chunks, segments: recorded.segments, sha256: digest });
  expect(report).toMatchObject({ equal: true, intact: true });
});

test("a changed, a missing and an added line each show", async () => {
  const check = async (change: (lines: string[]) => void) => {
    const changed = [...lines];
    change(changed);
    const { chunks } = read(changed);
    const report = await replay({ chunks, segments: recorded.segments, sha256: digest });
    expect(report.intact && report.equal === true).toBe(false);
    expect(report.problem).not.toBeNull();
  };
  await check((all) => all.splice(5, 1, (all[5] ?? "").replace(/"after":\d+/, '"after":7')));
  await check((all) => all.splice(5, 1));
  await check((all) => all.splice(5, 0, all[4] ?? ""));
});

test("what is no such file is said to be none", () => {
  expect(() => read(["hello"])).toThrow(/This is no file of evidence/);
  expect(() => read([])).toThrow(/This is no file of evidence/);
  expect(() => read([evidenceFileHead("r").replace("/1", "/9")])).toThrow(/flowplane-evidence-file\/9/);
  expect(() => read([evidenceFileHead("r"), '{"type":"log"}'])).toThrow(/not one/);
});
