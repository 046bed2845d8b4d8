import { writeFileSync } from "node:fs";
import { join } from "node:path";

const HOOK = join(import.meta.dirname, "clock-hook.mjs");

/** A wall clock that a test can set, for programs it starts with `env`. */
export interface TestClock {
  readonly env: Record<string, string>;
  /** The programs' clocks are off by so much from now on. */
  set(offsetMs: number): void;
}

/** `file` is where the programs look; its folder is the caller's. */
export function testClock(file: string): TestClock {
  writeFileSync(file, "0");
  return {
    env: { NODE_OPTIONS: `--import ${HOOK}`, CLOCK_OFFSET_FILE: file },
    set: (offsetMs) => writeFileSync(file, String(offsetMs)),
  };
}
