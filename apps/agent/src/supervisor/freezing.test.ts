import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, isPaused, makeFolder, sh } from "../../test/harness.ts";
import { addHold, dropHold } from "./holds.ts";
import type { Hold } from "./holds.ts";

const hold = (holder: Hold["holder"]): Hold => ({ holder, reason: `for the ${holder}`, actor: "somebody" });

test("a run goes on when nobody holds it; a person overrules a policy, and nobody the quota", () => {
  const all = (["quota", "person", "policy"] as const).map(hold);
  expect(dropHold(all, "policy").map(({ holder }) => holder)).toEqual(["quota", "person"]);
  expect(dropHold(all, "person").map(({ holder }) => holder)).toEqual(["quota"]);
  expect(dropHold(all, "quota").map(({ holder }) => holder)).toEqual(["person", "policy"]);
  expect(addHold([hold("policy")], { ...hold("policy"), reason: "newer" })).toEqual([
    { ...hold("policy"), reason: "newer" },
  ]);
});

const freeze = (bench: Bench, frozen: boolean, reason: string) =>
  bench.order("run.freeze", { run_id: "r1", frozen, reason, actor: "ada" });
const pidOf = (bench: Bench) =>
  eventually(() => {
    const pid = bench.events("r1").find((event) => event.type === "run.running")?.payload["pid"];
    return typeof pid === "number" ? pid : null;
  });
const told = (bench: Bench) =>
  bench
    .events("r1")
    .filter((event) => event.type === "run.frozen")
    .map(({ payload }) => [payload["frozen"], payload["reason"], payload["actor"]]);

test("paused and resumed by order, by several holders, over a restart of the agent", async () => {
  using folder = makeFolder();
  let pid = 0;
  {
    using bench = new Bench(folder.path);
    await bench.start("r1", sh("while :; do sleep 0.02; done"));
    pid = await pidOf(bench);
    await freeze(bench, true, "let me look");
    await eventually(() => isPaused(pid));
    expect(bench.supervisor.freeze("r1", true, "it loops", "nightly", "policy")).toBe(true);
    expect(bench.supervisor.freeze("r1", false, "fine again", "nightly", "policy")).toBe(true);
    expect(isPaused(pid)).toBe(true);
    expect(told(bench)).toEqual([
      [true, "let me look", "ada"],
      [true, "it loops", "nightly"],
      [true, "fine again; still paused: let me look", "nightly"],
    ]);
  }
  process.kill(-pid, "SIGCONT");
  using bench = new Bench(folder.path);
  await bench.supervisor.adopt();
  await eventually(() => isPaused(pid));
  await freeze(bench, false, "go on");
  await eventually(() => !isPaused(pid));
  expect(told(bench).at(-1)).toEqual([false, "go on", "ada"]);
  await bench.stop("r1");
  await bench.ended("r1");
  await freeze(bench, true, "too late");
  expect(bench.events().at(-1)).toMatchObject({
    type: "intent.refused",
    payload: { reason: "the run r1 is not running" },
  });
});

test("a paused run hears the order to stop", async () => {
  using folder = makeFolder();
  const trapped = join(folder.path, "trapped");
  using bench = new Bench(folder.path);
  await bench.start("r1", sh(`trap 'exit 6' TERM; : > '${trapped}'; while :; do sleep 0.02; done`));
  const pid = await pidOf(bench);
  // A shell that is paused before it has set its trap would die of the signal instead.
  await eventually(() => existsSync(trapped));
  await freeze(bench, true, "let me look");
  await eventually(() => isPaused(pid));
  await bench.stop("r1", "stop", 10_000);
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", exit_code: 6, signal: null });
});
