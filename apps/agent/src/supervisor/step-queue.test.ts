import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh } from "../../test/harness.ts";
import type { ActiveRun } from "./active-run.ts";
import { RunFiles } from "./files.ts";
import { StepQueue } from "./step-queue.ts";
import type { Step } from "./step-queue.ts";

// The queue tells runs apart and looks into none.
const run = (id: string) => ({ id }) as ActiveRun;
const tell = (steps: readonly Step[]) => steps.map(({ run: { id }, input }) => `${id} ${input.kind}`);

test("steps of one turn are taken together, each once, and a run's second step after its first", async () => {
  const taken: string[][] = [];
  const queue = new StepQueue((steps) => taken.push(tell(steps)));
  const [a, b] = [run("a"), run("b")];
  queue.add(a, { kind: "launched", startedAt: 1 });
  queue.add(b, { kind: "drained", problem: null });
  queue.add(a, { kind: "launched", startedAt: 2 });
  queue.add(a, { kind: "tick" });
  expect(taken).toEqual([]);
  await turn();
  await turn();
  await turn();
  expect(taken).toEqual([["a launched", "b drained"], ["a tick"]]);
});

test("a flood of steps is taken in parts, in order, and what is left at the end is not", async () => {
  const taken: string[] = [];
  const sizes: number[] = [];
  const queue = new StepQueue((steps) => {
    sizes.push(steps.length);
    taken.push(...steps.map(({ run: { id } }) => id));
  });
  for (let i = 0; i < 70; i += 1) queue.add(run(String(i)), { kind: "tick" });
  for (let i = 0; i < 8; i += 1) await turn();
  expect(sizes).toEqual([16, 16, 16, 16, 6]);
  expect(taken).toEqual(Array.from({ length: 70 }, (_, i) => String(i)));
  queue.add(run("late"), { kind: "tick" });
  queue.close();
  await turn();
  expect(taken).not.toContain("late");
});

test("many runs that end at once cost far fewer waits for the disk than each alone", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const ids = Array.from({ length: 20 }, (_, i) => `r${i}`);
  const { path } = folder;
  for (const id of ids) await bench.start(id, sh(`while [ ! -e ${path}/go ]; do sleep 0.05; done`));
  await eventually(() => ids.every((id) => bench.types(id).includes("run.running")));
  const before = bench.db.transactionNumber;
  const ended = () => bench.events().filter(({ type }) => type === "run.ended").length;
  endWhileNobodyLooks(path, ids);
  await eventually(() => ended() === ids.length, 20_000);
  // An exit, a count of who is left, and a drained log each: sixty waits, were each run alone.
  expect(bench.db.transactionNumber - before).toBeLessThan(40);
});

/** Lets them go, and holds this agent's event loop until all have ended. */
function endWhileNobodyLooks(path: string, ids: readonly string[]): void {
  writeFileSync(join(path, "go"), "");
  const until = Date.now() + 20_000;
  while (!ids.every((id) => existsSync(join(new RunFiles(path, id).dir, "exit"))))
    if (Date.now() > until) throw new Error("not all of them ended");
}
