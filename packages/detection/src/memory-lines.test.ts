import { expect, test } from "vitest";
import { reportedMemory } from "./memory-lines.ts";

const MB = 1024 ** 2;

test.each([
  ["16.719: [GC pause (G1 Evacuation Pause) (young) 1775M->551M(4502M), 0.1 secs]", 551 * MB],
  ["[gc] GC(33) Pause Young (Normal) (G1 Evacuation Pause) 628M->14M(1028M) 3.511ms", 14 * MB],
  ["[GC [PSYoungGen: 65536K->10240K(76288K)] 65536K->10252K(251392K), 0.0 secs]", 10_252 * 1024],
  ["[Full GC [PSYoungGen: 5118K->0K(38400K)] 85461K->61440K(125952K), [Metaspace: 9M->9M(1056M)]", 60 * MB],
  ["memory usage: 1.5 GB", 1_536 * MB],
  ["rss=200MB cpu=3%", 200 * MB],
  ["Heap size is 12 MiB", 12 * MB],
])("%j", (text, bytes) => expect(reportedMemory(text)).toBe(bytes));

test.each(["Downloading 179.3MB/244.2MB", "memory is low", "heap dump written", "gc took 12ms"])(
  "%j is none",
  (text) => expect(reportedMemory(text)).toBeNull(),
);
