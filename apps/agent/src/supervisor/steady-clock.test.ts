import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh } from "../../test/harness.ts";
import { SpoolDatabase } from "../spool/database.ts";
import { openSteadyClock } from "./steady-clock.ts";

const DAY_MS = 24 * 3_600_000;

test("it goes on over restarts of the agent whatever the host's clock does, and begins anew with a boot", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  let uptime = 1000;
  const open = (boot: string, wall: number) =>
    openSteadyClock(
      db,
      boot,
      () => wall,
      () => uptime,
    );
  const first = open("boot-1", 5_000_000);
  expect(first()).toBe(5_000_000);
  uptime += 70;
  expect(open("boot-1", 5_000_000 + DAY_MS)()).toBe(5_000_070);
  uptime = 3;
  expect(open("boot-2", 9_000_000)()).toBe(9_000_000);
});

test("a host's clock that is set by a day, forward or back, ends nothing, resurrects nothing and keeps no end away", async () => {
  for (const jump of [DAY_MS, -DAY_MS]) {
    using folder = makeFolder();
    let offset = 0;
    const clock = () => Date.now() + offset;
    using bench = new Bench(folder.path, { clock, steady: Date.now, random: () => 0.9 });
    const retry = {
      retries_max: 1,
      on: ["failed" as const],
      backoff_ms: 3_600_000,
      backoff_max_ms: 3_600_000,
      reset_after_ms: 1000,
    };
    await bench.start("waits", sh("exit 1", { retry }));
    await bench.ended("waits");
    await bench.start(
      "long",
      sh("while [ ! -e go ]; do sleep 0.02; done", { cwd: folder.path, max_runtime_ms: 60_000 }),
    );
    await bench.start("short", sh("sleep 600", { max_runtime_ms: 500 }));
    await eventually(
      () => bench.types("short").includes("run.running") && bench.types("long").includes("run.running"),
    );
    offset = jump;
    // The one whose time is over ends; polls went by meanwhile, and the others are as they were.
    expect(await bench.ended("short")).toMatchObject({ state: "TIMED_OUT" });
    expect(bench.types("long")).toEqual(["run.starting", "run.running"]);
    expect(bench.supervisor.nextStarts).toHaveLength(1);
    await bench.stop("long", "kill");
    expect(await bench.ended("long")).toMatchObject({ state: "STOPPED" });
  }
});
