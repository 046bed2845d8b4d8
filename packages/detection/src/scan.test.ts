import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { createDetector } from "./detector.ts";
import { Flag } from "./flags.ts";
import { newScan, scan } from "./scan.ts";
import { spanOf, type Span } from "./span.ts";

interface Said {
  readonly stable: number;
  readonly template: number;
  readonly flags: number;
  readonly numbers: readonly number[];
}

function read(text: string): Said {
  const out = newScan();
  const bytes = Buffer.from(text);
  scan(bytes, 0, bytes.length, out);
  const { stable, template, flags, numberCount } = out;
  return { stable, template, flags, numbers: [...out.numbers.subarray(0, numberCount)] };
}

describe("the stable text of two lines is the same", () => {
  test.each([
    ["2024-04-14 17:49:46,296 - up", "2025-01-02 03:04:05,006 - up"],
    ["2018-02-17T04:53:45.479407135Z up", "2018-02-18T05:00:00.1Z up"],
    ["Jun 14 15:16:01 host up", "Jul 3 01:00:00 host up"],
    ["I0523 08:07:11.060001 up", "I0601 00:00:00.000000 up"],
    ['[11/Aug/2019:16:30:03 +0000] "GET /"', '[12/Sep/2020:01:02:03 +0200] "GET /"'],
    ["17/06/09 20:10:40 INFO up", "18/07/10 21:11:41 INFO up"],
    ["20171223-22:15:29:606|up", "20180101-00:00:00:001|up"],
    ["081109 203615 148 up", "081110 103840 148 up"],
    ["at 1534918223869 up", "at 1634918223869 up"],
    ["took 0.31s", "took 12.5s"],
    ["took 13 seconds", "took 4 seconds"],
    ["spawned with pid 93020", "spawned with pid 93026"],
    ["sshd[24200]: up", "sshd[24518]: up"],
    ["request f1e37c49-7bd8-5e32-bf1d-2b2ea0ff514c", "request 85bc5876-17c5-532f-9032-0f11cce95652"],
    ["object 0x7f3a21 freed", "object 0x66ab01 freed"],
    ["commit 3f9c2ab7d1", "commit 90ab3cd4ef"],
    ["to 10.0.0.1:5432", "to 10.0.0.1:60001"],
    ["\u001b[31mred\u001b[0m up", "red up"],
    ["old text\rnew text", "new text"],
    ["up\r", "up"],
    ["a    b", "a b"],
    ["retrying, attempt 3 failed", "retrying, attempt 4 failed"],
  ])("%j, %j", (a, b) => expect(read(a).stable).toBe(read(b).stable));
});

describe("the stable text of two lines differs", () => {
  test.each([
    ["epoch 3 done", "epoch 4 done"],
    ["read file_1.txt", "read file_2.txt"],
    ["user anna failed", "user bert failed"],
    ["64M->12M", "64M->13M"],
    ["node-17 up", "node-18 up"],
    ["from 10.0.0.1", "from 10.0.0.2"],
    [`${"x".repeat(5_000)}a`, `${"x".repeat(5_000)}ab`],
  ])("%j, %j", (a, b) => expect(read(a).stable).not.toBe(read(b).stable));
});

test("the template also loses numbers", () => {
  expect(read("epoch 3 loss 0.25").template).toBe(read("epoch 12 loss 0.2").template);
  expect(read("node17 up").template).toBe(read("node18 up").template);
  expect(read("epoch 3").template).not.toBe(read("step 3").template);
});

describe("failures", () => {
  test.each([
    "ERROR could not open",
    "java.lang.NullPointerException",
    "KeyError: 'Messages'",
    "listen EACCES: permission denied",
    "connect ECONNREFUSED 10.0.0.1:5432",
    "exited: worker (exit status 1; not expected)",
    "App exited with code [137]",
    "E0523 08:07:11.060001 2689 kubelet.go:2916] network",
    "upstream is not ready",
    "Could not resolve host",
    "error: host could not be resolved",
    '{"level":"error","msg":"x"}',
    '10.0.0.1 "GET / HTTP/1.1" 503 12',
    "Erro: Ocorreu um erro",
  ])("%j", (text) => expect(read(text).flags & Flag.failure).toBe(Flag.failure));
});

describe("no failures", () => {
  test.each([
    "0 errors, 0 warnings",
    "no failures",
    "errors=0",
    "failed: 0",
    '{"level":"info","error":null}',
    "error=None",
    'err: "", error: ""',
    "mean error: 0.0312",
    "exited with code 0",
    "DEBUG retry error ignored",
    "loading error_handler.js",
    "instruction cache parity error corrected",
    "all is well",
  ])("%j", (text) => expect(read(text).flags & Flag.failure).toBe(0));
});

test("what a server says of callers it turns away is theirs", () => {
  for (const text of [
    "Failed password for root from 112.95.230.3 port 51982 ssh2",
    "authentication failure; uid=0 rhost=218.188.2.4",
    "error: Received disconnect from 103.99.0.122: no more authentication methods [preauth]",
  ]) {
    expect(read(text).flags & (Flag.peer | Flag.failure)).toBe(Flag.peer);
  }
});

test("numbers that may count are kept, times and durations are not", () => {
  expect(read("12:00:01 epoch 3 loss 0.25 in 4s, 341/4582").numbers).toEqual([3, 0.25, 341, 4582]);
});

test("any bytes are read without harm", () => {
  let seed = 7;
  for (let round = 0; round < 500; round += 1) {
    const bytes = Uint8Array.from({ length: round % 90 }, () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return seed >>> 24;
    });
    const out = newScan();
    scan(bytes, 0, bytes.length, out);
    const again = newScan();
    scan(bytes, 0, bytes.length, again);
    expect([out.stable, out.template, out.flags]).toEqual([again.stable, again.template, again.flags]);
  }
});

describe("a line that is read where it lies says what it says by itself", () => {
  const FRAGMENTS = [
    "2024-01-02",
    "10:11:12",
    "203615",
    "081109",
    "17/06/09",
    "1534918223869",
    "Jan ",
    "14",
    "I0523",
    "3",
    "f1e37c49-7bd8-5e32-bf1d-2b2ea0ff514c",
    "f1e37c49-",
    "0x1f",
    "abc123def4",
    "10.0.0.1",
    ":80",
    "#12",
    "error",
    "error:",
    "error=",
    "null",
    "failed",
    "Caused by",
    "exit code ",
    "retry",
    "not ",
    "ready",
    "pid ",
    " ",
    '"',
    " 404 ",
    "[",
    "]",
    "%",
    "/",
    "-",
    ".5",
    ",123",
    " seconds",
    "ms",
    "at ",
    "...",
    "+02",
    "=",
    "\t",
    "\r",
    "\u001b[31m",
    "\u001b]0;a\rb\u0007",
    "\u001b",
    "é",
    "\0",
    "x".repeat(50),
    "y 1 ".repeat(1_100),
    "\n",
    "\n",
    "\n",
    "\n",
  ];

  test("with line feeds around it", () => {
    let seed = 11;
    const pick = () => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return FRAGMENTS[(seed >>> 8) % FRAGMENTS.length] ?? "";
    };
    let seen = 0;
    for (let round = 0; round < 8; round += 1) {
      const source = Buffer.from(Array.from({ length: 1_000 }, pick).join(""));
      for (let from = 0; from < source.length;) {
        const feed = source.indexOf(10, from);
        const to = feed < 0 ? source.length : feed;
        const [there, alone] = [newScan(), newScan()];
        scan(source, from, to, there);
        scan(Uint8Array.from(source.subarray(from, to)), 0, to - from, alone);
        if (!isDeepStrictEqual(there, alone))
          expect(there, JSON.stringify(source.toString("latin1", from, to))).toEqual(alone);
        seen += 1;
        from = to + 1;
      }
    }
    expect(seen).toBeGreaterThan(400);
  });

  test("behind a line that ends as an access log's request does", () => {
    const source = Buffer.from('"GET /"\n503 up');
    const there = newScan();
    scan(source, 8, source.length, there);
    expect(there.flags & Flag.failure).toBe(0);
  });

  test("with other text around it", () => {
    const text = "up 10:11:12 2024-01-02\nerror: null 10.0.0.1:80";
    const source = Buffer.from(text);
    const detector = createDetector();
    const read = (line: Span) => {
      const state = detector.start();
      detector.line(state, 0, "stdout", line);
      return state.scan;
    };
    for (let from = 0; from < text.length; from += 1)
      for (let to = from; to < text.length; to += 1)
        if (!text.slice(from, to).includes("\n"))
          expect(read({ source, from, to }), text.slice(from, to)).toEqual(
            read(spanOf(Uint8Array.from(source.subarray(from, to)))),
          );
  });
});
