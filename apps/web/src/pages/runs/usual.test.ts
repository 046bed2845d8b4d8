import { expect, test } from "vitest";
import type { Run } from "@flowplane/contract";
import { groupRuns, kindOf, usualDurations } from "./usual.ts";

const run = (name: string, seconds: number, part: Partial<Run> = {}) =>
  ({
    id: `${name}-${seconds}`,
    name,
    command: name,
    job_id: null,
    state: "SUCCEEDED",
    started_at: new Date(0).toISOString(),
    ended_at: new Date(seconds * 1_000).toISOString(),
    ...part,
  }) as Run;

test("the usual time is the median of at least three that succeeded", () => {
  const runs = [
    run("a", 10),
    run("a", 30),
    run("a", 20),
    run("a", 9_000, { state: "FAILED" }),
    run("b", 1),
    run("b", 2),
    run("a", 5, { ended_at: null }),
  ];
  expect(usualDurations(runs)).toEqual(new Map([[kindOf(run("a", 1)), 20_000]]));
});

test("runs of one job belong together, whatever they are called", () => {
  const groups = groupRuns([run("x", 1, { job_id: "j" }), run("b", 2), run("y", 3, { job_id: "j" })]);
  expect(groups.map(({ name, jobId, runs }) => [name, jobId, runs.length])).toEqual([
    ["x", "j", 2],
    ["b", null, 1],
  ]);
});
