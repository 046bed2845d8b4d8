// From a real process to segments on disk.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdDecompressSync } from "node:zlib";
import { bytesOf } from "@flowplane/detection";
import { expect, test } from "vitest";
import { Bench, eventually, makeFolder, sh, spec } from "../../test/harness.ts";
import { noObserver } from "../supervisor/observer.ts";
import type { RunObserver } from "../supervisor/observer.ts";

const PASSWORD = "corr3ct-h0rse battery";

/** Every byte of every file below a folder, compressed segments unpacked. */
function everything(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name)))
    .map((bytes) =>
      (bytes.length > 4 && bytes.readUInt32LE(0) === 0xfd2fb528 ? zstdDecompressSync(bytes) : bytes).toString(
        "latin1",
      ),
    )
    .join("\n");
}

function recorder(): RunObserver & {
  lines: string[];
  committed: (runId: string, seq: number) => void;
  seqs: number[];
} {
  const lines: string[] = [];
  const seqs: number[] = [];
  return {
    ...noObserver,
    lines,
    seqs,
    began: () => void lines.push("began"),
    line: (_run, seq, _at, stream, line, partial) =>
      void lines.push(
        `${seq} ${stream} ${Buffer.from(bytesOf(line)).toString("latin1")}${partial ? " …" : ""}`,
      ),
    committed: (_run, seq) => void seqs.push(seq),
  };
}

test("secrets of the run's environment, and what looks like one, are nowhere but in the process itself", async () => {
  using folder = makeFolder();
  const observer = recorder();
  using bench = new Bench(folder.path, { observer });
  const script = `echo "it is $DB_PASSWORD"; echo "$DB_PASSWORD" | base64; echo "$DB_PASSWORD" >&2
    echo "token=$PLAIN_ONE"; echo AKIAIOSFODNN7EXAMPLE; echo nothing`;
  const env = { DB_PASSWORD: PASSWORD, PLAIN_ONE: "q9w8e7r6t5y4", NAMED: "tiny" };
  await bench.start("r1", sh(`${script}; echo "$NAMED"`, { env, secret_env: ["NAMED"] }));
  const { log } = await bench.ended("r1");
  const { stdout, stderr } = await bench.output("r1");
  const mark = /\[redacted:known:[0-9a-f]{8}\]/.exec(stderr.toString())?.[0] ?? "none";
  const [first, second, third, fourth, fifth, sixth] = stdout.toString().split("\n");
  expect([first, second, fifth]).toEqual([`it is ${mark}`, expect.stringContaining(mark), "nothing"]);
  expect(third).toMatch(/^token=\[redacted:assigned:/);
  expect(fourth).toMatch(/^\[redacted:aws_key:/);
  expect(sixth).toMatch(/^\[redacted:known:/);
  expect(log).toMatchObject({ redactions: 6, stdout_bytes: stdout.length, stderr_bytes: stderr.length });
  // What decides is what is stored.
  expect(observer.lines[0]).toBe("began");
  expect(observer.lines.slice(1).map((line) => line.split(" ").slice(2).join(" "))).toEqual(
    expect.arrayContaining(stdout.toString().trim().split("\n")),
  );
  expect(observer.seqs.at(-1)).toBe(7);
  for (const secret of [PASSWORD, Buffer.from(PASSWORD).toString("base64").slice(0, 20), "AKIAIOSFODNN7"])
    expect(everything(join(folder.path, "runs"))).not.toContain(secret);
});

test("what is told of a run hides its secrets, too: arguments of its next attempt, reasons", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const env = { API_TOKEN: "q9w8e7r6-t5y4" };
  const retry = {
    retries_max: 1,
    on: ["failed" as const],
    backoff_ms: 1,
    backoff_max_ms: 1,
    reset_after_ms: 60_000,
  };
  await bench.start("r1", spec("sh", ["-c", "exit 3", "sh", "--key=q9w8e7r6-t5y4"], { env, retry }));
  await bench.start("r2", spec("q9w8e7r6-t5y4", [], { env }));
  await eventually(() => bench.events().some((event) => event.type === "run.created"));
  expect((await bench.ended("r2")).reason).toContain("[redacted:known:");
  expect(JSON.stringify(bench.events())).not.toContain("q9w8e7r6-t5y4");
});

test("progress bars, colours, NUL, broken UTF-8 and empty lines are kept as they are", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const bytes = Buffer.from(
    "\r 10%\r 50%\r100%\n\x1b[31mred\x1b[0m\n\0\0\n\xff\xfe\xc3\n\n\nprogress\rwithout end",
    "latin1",
  );
  writeFileSync(join(folder.path, "in"), bytes);
  await bench.start("r1", spec("cat", [join(folder.path, "in")]));
  await bench.ended("r1");
  expect((await bench.output("r1")).stdout.equals(bytes)).toBe(true);
});

test("an agent that comes back makes the same lines again, redacted across the cut, and loses and doubles none", async () => {
  using folder = makeFolder();
  const script = `i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "line $i token=abcd1234efgh$i"; sleep 0.02; done
    printf 'half a sec'; while [ ! -e go ]; do sleep 0.02; done; echo 'ret=hidden-value-1'`;
  {
    using bench = new Bench(folder.path);
    await bench.start("r1", sh(script, { cwd: folder.path }));
    await eventually(() => bench.raw("r1", "stdout").includes("line 20"));
  }
  {
    using bench = new Bench(folder.path);
    await bench.supervisor.adopt();
    await eventually(() => bench.raw("r1", "stdout").includes("half a sec"));
    // Passed on before its line has an end: it might be a prompt.
    await eventually(() => bench.supervisor.pump.get("r1")?.lastSeq === 41);
  }
  writeFileSync(join(folder.path, "go"), "");
  const observer = recorder();
  using bench = new Bench(folder.path, { observer });
  await bench.supervisor.adopt();
  const { log } = await bench.ended("r1");
  const { stdout, seqs } = await bench.output("r1");
  const lines = stdout.toString().split("\n");
  expect(lines.slice(0, 40).map((line) => line.replace(/:[0-9a-f]{8}\]$/, ""))).toEqual(
    Array.from({ length: 40 }, (_, i) => `line ${i + 1} token=[redacted:assigned`),
  );
  expect(lines[40]).toMatch(/^half a secret=\[redacted:assigned:[0-9a-f]{8}\]$/);
  expect(seqs).toEqual(seqs.map((_, i) => i + 1));
  expect(log).toMatchObject({ redactions: 41, stdout_bytes: stdout.length, last_seq: seqs.length });
});

test("output is given back to the disk as soon as it is in a segment, with nobody to upload to", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const path = join(folder.path, "runs/r1/stdout");
  await bench.start("r1", sh("seq 1 4000000; while [ ! -e go ]; do sleep 0.02; done", { cwd: folder.path }));
  const usage = () => statSync(path, { throwIfNoEntry: false }) ?? { size: 0, blocks: 0 };
  const isDone = () => bench.supervisor.pump.get("r1")?.position.stdoutFreed === 30_888_896;
  await eventually(isDone, 60_000);
  await eventually(() => usage().blocks * 512 < 8 * 1024 * 1024);
  expect(usage().size).toBe(30_888_896);
  writeFileSync(join(folder.path, "go"), "");
  await bench.ended("r1");
  const { stdout } = await bench.output("r1");
  expect(stdout.length).toBe(30_888_896);
  expect(stdout.subarray(-8).toString()).toBe("4000000\n");
  expect(readdirSync(join(folder.path, "runs/r1")).toSorted()).not.toContain("stdout");
}, 90_000);

test("a disk that takes nothing holds the run's end up and costs no line", async () => {
  using folder = makeFolder();
  const problems: (string | null)[] = [];
  using bench = new Bench(folder.path, { onSpoolProblem: (problem) => problems.push(problem) });
  const segments = join(folder.path, "runs/r1/segments");
  await bench.start("r1", sh("while [ ! -e go ]; do sleep 0.02; done; seq 1 300000", { cwd: folder.path }));
  await eventually(() => bench.types("r1").includes("run.running"));
  // No file can be made where no folder is.
  renameSync(segments, `${segments}.away`);
  writeFileSync(join(folder.path, "go"), "");
  await eventually(() => problems.some((problem) => problem?.includes("ENOENT")), 30_000);
  expect(bench.types("r1")).not.toContain("run.ended");
  renameSync(`${segments}.away`, segments);
  await bench.ended("r1");
  expect(problems.at(-1)).toBeNull();
  expect((await bench.output("r1")).stdout.toString()).toBe(
    Array.from({ length: 300_000 }, (_, i) => `${i + 1}\n`).join(""),
  );
}, 60_000);

test("a spool that is full takes no line twice: what was told is stored when there is room", async () => {
  using folder = makeFolder();
  const observer = recorder();
  const problems: (string | null)[] = [];
  using bench = new Bench(folder.path, { observer, onSpoolProblem: (problem) => problems.push(problem) });
  await bench.start(
    "r1",
    sh(
      "while [ ! -e go ]; do sleep 0.02; done; seq 1 300; while [ ! -e on ]; do sleep 0.02; done; seq 301 600",
      {
        cwd: folder.path,
      },
    ),
  );
  await eventually(() => bench.types("r1").includes("run.running"));
  const [limit] = [bench.db.get<{ max_page_count: number }>("PRAGMA max_page_count")];
  const fill = bench.db.get<{ page_count: number }>("PRAGMA page_count")?.page_count ?? 0;
  bench.db.get(`PRAGMA max_page_count=${fill}`);
  // Rows that fill the last page, so that the next one needs another.
  expect(() => {
    for (let i = 0; ; i += 1)
      bench.db.run(
        "INSERT INTO batches (run_id, batch, at_ms, stdout_from, stdout_to, stderr_from, stderr_to, first_seq, lines) VALUES ('x', ?, 0, 0, 0, 0, 0, 0, 0)",
        i,
      );
  }).toThrow("full");
  writeFileSync(join(folder.path, "go"), "");
  await eventually(() => problems.some((problem) => problem?.includes("full")), 20_000);
  bench.db.get(`PRAGMA max_page_count=${limit?.max_page_count ?? 0}`);
  await eventually(() => observer.seqs.at(-1) === 300, 20_000);
  writeFileSync(join(folder.path, "on"), "");
  await bench.ended("r1");
  expect(observer.lines.slice(1)).toEqual(Array.from({ length: 600 }, (_, i) => `${i + 1} stdout ${i + 1}`));
  expect((await bench.output("r1")).seqs).toHaveLength(600);
}, 60_000);

test("patterns of one's own are used, and ones that cannot be are refused with the reason", async () => {
  using folder = makeFolder();
  const path = join(folder.path, "redaction.json");
  mkdirSync(folder.path, { recursive: true });
  writeFileSync(path, JSON.stringify({ patterns: [{ name: "staff", pattern: "EMP-\\d{6}" }] }));
  {
    using bench = new Bench(folder.path);
    await bench.start("r1", sh("echo hired EMP-123456 today"));
    await bench.ended("r1");
    expect((await bench.output("r1")).stdout.toString()).toMatch(/^hired \[redacted:staff:\w{8}\] today\n$/);
  }
  writeFileSync(path, JSON.stringify({ patterns: [{ name: "bad", pattern: "(a+)+$" }] }));
  expect(() => new Bench(folder.path)).toThrow(/pattern bad is not taken: .*"\$"/);
  writeFileSync(path, "{");
  expect(() => new Bench(folder.path)).toThrow("cannot be read as JSON");
  rmSync(path);
});
