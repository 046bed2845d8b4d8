import { expect, test } from "vitest";
import type { RetrySpec } from "@flowplane/link";
import { Bench, eventually, makeFolder, sh } from "../../test/harness.ts";
import { ATTEMPTS_MAX, judgeRetry } from "./retry.ts";
import type { Ended } from "./retry.ts";

const policy: RetrySpec = {
  retries_max: 3,
  on: ["failed", "timed_out", "lost"],
  backoff_ms: 1000,
  backoff_max_ms: 3000,
  reset_after_ms: 60_000,
};
const failed: Ended = { state: "FAILED", ranMs: 10, retriesUsed: 0, attemptsOfLate: 0 };
const almostOne = () => 0.999;

test("the wait doubles up to its ceiling, with full jitter", () => {
  const delays = [0, 1, 2].map((retriesUsed) => judgeRetry(policy, { ...failed, retriesUsed }, almostOne));
  expect(delays).toEqual([
    { delayMs: 999, retriesUsed: 1 },
    { delayMs: 1998, retriesUsed: 2 },
    { delayMs: 2997, retriesUsed: 3 },
  ]);
  expect(judgeRetry(policy, failed, () => 0)).toEqual({ delayMs: 0, retriesUsed: 1 });
});

test("retries end, and say so; an attempt that ran long enough starts the count afresh, but not for ever", () => {
  const spent = { ...failed, retriesUsed: 3 };
  expect(judgeRetry(policy, spent, almostOne)).toEqual({
    none: "it was started again 3 times, as often as it may be",
  });
  expect(judgeRetry(policy, { ...spent, ranMs: 60_000 }, almostOne)).toEqual({
    delayMs: 999,
    retriesUsed: 1,
  });
  expect(
    judgeRetry(policy, { ...spent, ranMs: 60_000, attemptsOfLate: ATTEMPTS_MAX }, almostOne),
  ).toHaveProperty("none");
});

test("only the ends that the policy names are followed by another attempt, a failed stop never", () => {
  const isRetried = (state: Ended["state"], on = policy.on) =>
    "delayMs" in judgeRetry({ ...policy, on }, { ...failed, state }, almostOne);
  expect(isRetried("SUCCEEDED")).toBe(false);
  expect(isRetried("SUCCEEDED", ["succeeded"])).toBe(true);
  expect(isRetried("TIMED_OUT")).toBe(true);
  expect(isRetried("FAILED", ["lost"])).toBe(false);
  expect(isRetried("FAILED_STOP", ["failed", "lost", "timed_out", "succeeded"])).toBe(false);
  expect(judgeRetry(undefined, failed, almostOne)).toEqual({ none: null });
});

const fast: RetrySpec = { ...policy, retries_max: 2, backoff_ms: 1, backoff_max_ms: 1 };

test("attempts are runs of their own: announced, numbered, of one lineage, and ended when they are used up", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("exit 9", { retry: fast, name: "etl", job_id: "j1", env: { TOKEN: "secret" } }));
  const created = await eventually(() => {
    const all = bench.events().filter((event) => event.type === "run.created");
    return all.length === 2 && bench.types(all[1]!.run_id!).includes("run.ended") ? all : null;
  });
  expect(created.map(({ payload }) => payload)).toMatchObject([
    { origin: "retry", name: "etl", attempt: 2, retry_of: "r1", job_id: "j1", actor: "agent" },
    { origin: "retry", name: "etl", attempt: 3, retry_of: created[0]!.run_id },
  ]);
  expect(created[1]!.payload["spec"]).toMatchObject({ lineage: "r1", env_names: ["TOKEN"] });
  expect(JSON.stringify(created)).not.toContain("secret");
  expect(await bench.ended("r1")).toMatchObject({ state: "FAILED", retry: { attempt: 2 } });
  expect(await bench.ended(created[1]!.run_id!)).not.toHaveProperty("retry");
  expect(bench.types(created[1]!.run_id!)).toEqual([
    "run.created",
    "run.starting",
    "run.running",
    "run.ended",
    "run.note",
  ]);
});

test("a secret is kept no longer than the attempts that need it", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const more = { env: { TOKEN: "t0ps3cret", MODE: "fast" }, secret_env: ["TOKEN"] };
  await bench.start("r1", sh("[ ${#TOKEN} = 9 ] && exit 9", { ...more, retry: { ...fast, retries_max: 1 } }));
  const second = await eventually(() => bench.events().find(({ type }) => type === "run.created")?.run_id);
  // It had the value, since only then it fails with 9.
  expect(await bench.ended(second)).toMatchObject({ exit_code: 9 });
  const rows = bench.db.all<{ spec: string }>("SELECT spec FROM runs UNION ALL SELECT spec FROM next_starts");
  expect(rows).toHaveLength(2);
  expect(JSON.stringify(rows)).not.toContain("t0ps3cret");
  expect(rows.every(({ spec }) => spec.includes('"MODE":"fast"'))).toBe(true);
});

test("an attempt to come survives the agent, and a stop of the run it follows ends it", async () => {
  using folder = makeFolder();
  const slow = { ...fast, backoff_ms: 3_600_000, backoff_max_ms: 3_600_000 };
  {
    using bench = new Bench(folder.path, { random: () => 0.5 });
    await bench.start("r1", sh("exit 9", { retry: slow }));
    await bench.ended("r1");
    expect(bench.supervisor.nextStarts).toMatchObject([{ previous: "r1", delayMs: 1_800_000 }]);
  }
  const begin = Date.now();
  const clock = { now: begin };
  using bench = new Bench(folder.path, { steady: () => clock.now, random: () => 0.5 });
  await bench.supervisor.adopt();
  expect(bench.supervisor.nextStarts).toHaveLength(1);
  clock.now += 1_800_001;
  await eventually(() => bench.events().filter((event) => event.type === "run.created").length === 1);
  const second = bench.events().find((event) => event.type === "run.created")!.run_id!;
  await bench.ended(second);
  expect(bench.supervisor.nextStarts).toHaveLength(1);
  // Anyone of the lineage will do, the first as well as the last.
  await bench.stop("r1");
  expect(bench.supervisor.nextStarts).toEqual([]);
  expect(bench.events(second).at(-1)).toMatchObject({
    type: "run.note",
    payload: { title: "No further attempt", reason: "tester: enough" },
  });
});

test("a restart ends the run and starts it again as asked, under the id that was told", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh('echo "$1 $MODE"; sleep 600', { env: { MODE: "fast" } }));
  await eventually(() => bench.raw("r1", "stdout").length > 0);
  const changes = { argsAdd: ["sh", "careful"], envSet: { MODE: "slow" }, delayMs: 0 };
  const next = bench.supervisor.restart("r1", changes, "it loops", "policy nightly");
  expect(await bench.ended("r1")).toMatchObject({ state: "STOPPED", reason: "it loops" });
  await eventually(() => next !== null && bench.types(next).includes("run.running"));
  await eventually(() => bench.raw(next!, "stdout").toString() === "careful slow\n");
  expect(bench.events(next!)[0]).toMatchObject({
    type: "run.created",
    payload: { origin: "intervention", actor: "policy nightly", reason: "it loops", retry_of: "r1" },
  });
  // Somebody who stops a run that is being restarted means it.
  const third = bench.supervisor.restart(next!, changes, "again", "policy nightly");
  await bench.stop(next!, "kill");
  await bench.ended(next!);
  expect(bench.supervisor.nextStarts).toEqual([]);
  expect(bench.types(third!)).toEqual([]);
});
