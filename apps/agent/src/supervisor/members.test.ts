import { expect, test } from "vitest";
import { findMembers } from "./members.ts";
import type { RunMembership } from "./members.ts";
import { parseStat } from "./proc.ts";
import type { ProcessInfo } from "./proc.ts";

const process = (pid: number, session: number, startTicks: number): ProcessInfo => ({
  pid,
  ppid: 1,
  pgrp: session,
  session,
  startTicks,
  state: "S",
});
const run: RunMembership = {
  mark: "m",
  job: { pid: 100, startTicks: 50 },
  wrapper: { pid: 99, startTicks: 49 },
};

function check(
  processes: ProcessInfo[],
  marked: number[],
  expected: number[],
  known = new Map<number, number>(),
) {
  const members = findMembers(
    run,
    processes,
    known,
    (pid, assignment) => assignment === "FLOWPLANE_RUN_MARK=m" && marked.includes(pid),
  );
  expect(members.map((member) => member.pid)).toEqual(expected);
  return known;
}

test("the job, its session, and whoever bears the mark; never the wrapper, never a stranger", () => {
  check(
    [
      process(99, 99, 49),
      process(100, 100, 50),
      process(101, 100, 55),
      process(200, 200, 60),
      process(300, 300, 10),
    ],
    [100, 200, 99],
    [100, 101, 200],
  );
});

test("a pid that came back with another start time is a stranger, and so is its session", () => {
  check([process(100, 100, 9999), process(101, 100, 9999)], [], []);
});

test("a session without its leader is ours as long as one sure member is in it", () => {
  const known = check([process(100, 100, 50), process(101, 100, 55)], [100], [100, 101]);
  // The leader is gone; 101 cleared its environment, but was seen before, and brought 102 along.
  check([process(101, 100, 55), process(102, 100, 70)], [], [101, 102], known);
  check([process(103, 100, 80)], [], [], new Map([[101, 55]]));
});

test("a stat line is read after the last bracket, whatever the name", () => {
  const stat = `42 (a) R 1 (b c) S 7 42 41 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 12345 1000 200`;
  expect(parseStat(stat)).toEqual({
    pid: 42,
    state: "S",
    ppid: 7,
    pgrp: 42,
    session: 41,
    startTicks: 12_345,
  });
  expect(parseStat("")).toBeNull();
  expect(parseStat("42 (x")).toBeNull();
});
