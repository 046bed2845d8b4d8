import type { ResourcePolicy } from "@flowplane/contract";
import { span } from "../../lib/time.ts";
import { bytes, number } from "../../lib/units.ts";

export interface LimitWords {
  readonly name: string;
  readonly words: string;
  /** Held by the kernel, or watched and acted upon; undefined while nobody has said. */
  readonly enforced: boolean | undefined;
}

/** The limits that were asked for, each with whether the kernel enforces it (`enforced`: what the agent said, if it did). */
export function limitWords(policy: ResourcePolicy, enforced?: readonly string[]): LimitWords[] {
  const limit = <T>(
    name: string,
    value: T | undefined,
    words: (value: T) => string,
    keys: readonly string[],
  ) =>
    value === undefined
      ? []
      : [
          {
            name,
            words: words(value),
            enforced: enforced === undefined ? undefined : keys.some((key) => enforced.includes(key)),
          },
        ];
  return [
    ...limit("Memory", policy.memory_limit_mb, (mb) => bytes(mb * 1_048_576), [
      "memory",
      "memory_bytes",
      "memory_limit_mb",
    ]),
    ...limit("CPU", policy.cpu_limit_millicores, (cores) => `${number(cores / 1_000)} cores`, [
      "cpu",
      "cpu_millicores",
      "cpu_limit_millicores",
    ]),
    ...limit("Processes", policy.pids_limit, number, ["pids", "pids_limit"]),
    ...limit("Open files", policy.open_files_limit, number, ["open_files", "open_files_limit", "nofile"]),
    ...limit("Largest file", policy.file_size_limit_mb, (mb) => bytes(mb * 1_048_576), [
      "file_bytes",
      "file_size",
      "file_size_limit_mb",
      "fsize",
    ]),
    ...limit("Runtime", policy.max_runtime_seconds, (seconds) => span(seconds * 1_000), [
      "max_runtime",
      "max_runtime_seconds",
    ]),
    ...limit("Nice", policy.nice, number, ["nice"]),
    ...limit("Umask", policy.umask, (umask) => umask, ["umask"]),
  ];
}
