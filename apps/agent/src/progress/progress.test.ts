import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { spanOf } from "@flowplane/detection";
import { noObserver } from "../supervisor/observer.ts";
import type { RunObserver } from "../supervisor/observer.ts";
import { parseAppended, parseNotification } from "./beats.ts";
import { canNotify } from "./notify-socket.ts";
import { compilePattern, watchPatterns } from "./pattern.ts";

test("signs of life as they are written: lines, numbers, touches, datagrams", () => {
  expect(["", "\n", "40\n", "1\n2\n 3.5 \n", "what\n"].map(parseAppended)).toEqual([
    null,
    { progress: null },
    { progress: 40 },
    { progress: 3.5 },
    { progress: null },
  ]);
  expect(parseNotification("WATCHDOG=1")).toEqual({ isLife: true, status: null });
  expect(parseNotification("READY=1\nSTATUS=a=b\n")).toEqual({ isLife: true, status: "a=b" });
  expect(parseNotification("WATCHDOG=trigger\nWATCHDOG_USEC=1\njunk")).toEqual({
    isLife: false,
    status: null,
  });
});

test("a pattern that could take for ever is refused, and one that backtracks without end ends all the same", () => {
  const problem = (source: string) => {
    const compiled = compilePattern(source);
    return "problem" in compiled ? compiled.problem : null;
  };
  expect(problem("^epoch \\d+/\\d+ .*loss")).toBeNull();
  expect(problem("(")).toMatch(/is no regular expression/);
  for (const source of ["(?=a)b", "(a+)\\1", "(?:a?){50}a{50}"])
    expect(problem(source)).toMatch(/could take for ever/);
  // Exponential for an engine that backtracks: this line would keep one busy for longer than any test waits.
  const compiled = compilePattern("(a+)+$");
  expect("pattern" in compiled && compiled.pattern.test(`${"a".repeat(4000)}b`)).toBe(false);
});

test("a matching line is a sign of progress, once a second at most, and every line goes on to the watcher", () => {
  const heard: string[] = [];
  const observer: RunObserver = {
    ...noObserver,
    line: (_run, seq) => heard.push(`line ${seq}`),
    progressed: (_run, atMs, what) => heard.push(`${what} at ${atMs}`),
  };
  const watching = watchPatterns(observer);
  const progress = { pattern: "step \\d+" };
  watching.began({ id: "r1", spec: spec("x", [], { progress }), lineage: "r1", attempt: 1 }, 0);
  const say = (seq: number, atMs: number, words: string, run = "r1") =>
    watching.line(run, seq, atMs, "stdout", spanOf(new TextEncoder().encode(words)), false);
  say(1, 10, "step 1");
  say(2, 20, "step 2");
  say(3, 2000, "stepping");
  say(4, 2001, "step 3");
  say(1, 2002, "step 1", "r2");
  watching.ended("r1", "SUCCEEDED");
  say(5, 9000, "step 5");
  const what = "a line that matches its progress pattern";
  expect(heard).toEqual([
    "line 1",
    `${what} at 10`,
    "line 2",
    "line 3",
    "line 4",
    `${what} at 2001`,
    "line 1",
    "line 5",
  ]);
});

/** A bench whose steady clock the test moves on, and what its observer heard. */
function listening(path: string) {
  const heard: string[] = [];
  const time = { ahead: 0 };
  const observer: RunObserver = {
    ...noObserver,
    heartbeat: (_run, _at, progress) => heard.push(`beat ${progress}`),
    progressed: (_run, _at, what) => heard.push(what),
  };
  const bench = new Bench(path, { steady: () => Date.now() + time.ahead, observer });
  const hears = (what: string) =>
    eventually(() => {
      time.ahead += 1000;
      return heard.includes(what);
    });
  return { bench, heard, hears };
}

test("a heartbeat file that is appended to or touched, and a file whose change is progress", async () => {
  using folder = makeFolder();
  const { bench, heard, hears } = listening(folder.path);
  using _ = bench;
  const watched = join(folder.path, "checkpoint");
  writeFileSync(watched, "old");
  const script =
    'while [ ! -e one ]; do sleep 0.02; done; echo 7 >>"$FLOWPLANE_HEARTBEAT_FILE"; while [ ! -e two ]; do sleep 0.02; done; touch "$FLOWPLANE_HEARTBEAT_FILE"; sleep 600';
  await bench.start("r1", sh(script, { cwd: folder.path, progress: { file: "checkpoint" } }));
  await eventually(() => existsSync(join(folder.path, "runs/r1/heartbeat")));
  writeFileSync(join(folder.path, "one"), "");
  await hears("beat 7");
  expect(heard).toEqual(["beat 7"]);
  writeFileSync(join(folder.path, "two"), "");
  await hears("beat null");
  utimesSync(watched, 1, 1);
  await hears("checkpoint changed");
  await bench.stop("r1", "kill");
  await bench.ended("r1");
});

test.skipIf(!canNotify())(
  "sd_notify from programs nobody here wrote, over a restart of the agent",
  async () => {
    using folder = makeFolder();
    const progress = { heartbeat_ms: 60_000 };
    const python =
      'import os,socket;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);a=os.environ["NOTIFY_SOCKET"];s.sendto(b"WATCHDOG=1\\nSTATUS=half way",("\\0"+a[1:]) if a[0]=="@" else a)';
    const script =
      'echo "$WATCHDOG_USEC"; if command -v systemd-notify >/dev/null; then systemd-notify --no-block --ready; else python3 -c "$0"; fi; while [ ! -e go ]; do sleep 0.02; done; python3 -c "$0"; sleep 600';
    {
      const { bench, hears } = listening(folder.path);
      using _ = bench;
      await bench.start("r1", spec("sh", ["-c", script, python], { cwd: folder.path, progress }));
      await hears("beat null");
      expect(bench.raw("r1", "stdout").toString()).toBe("60000000\n");
    }
    const { bench, heard, hears } = listening(folder.path);
    using _ = bench;
    await bench.supervisor.adopt();
    expect(heard).toEqual([]);
    writeFileSync(join(folder.path, "go"), "");
    await hears("its status changed");
    expect(heard).toContain("beat null");
    await bench.stop("r1", "kill");
    await bench.ended("r1");
  },
);

test("a run with a pattern that is refused does not start", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("true", { progress: { pattern: "(a)\\1" } }));
  expect(await bench.ended("r1")).toMatchObject({
    state: "FAILED",
    exit_code: 126,
    reason: expect.stringContaining("could take for ever") as string,
  });
});
