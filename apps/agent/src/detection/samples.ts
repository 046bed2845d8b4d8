import type { Observation } from "@flowplane/detection";
import type { ResourceSample } from "../supervisor/observer.ts";

type Told = Omit<Extract<Observation, { kind: "sample" }>, "kind" | "at">;

/** A measurement as evidence: whole numbers, and what this host does not tell left out. */
export function tellSample(sample: ResourceSample): Told {
  const { readBytes, writeBytes } = sample;
  const told: Record<string, number | null> = {
    cpu_ms: sample.cpuMs,
    rss_bytes: sample.memoryBytes,
    rss_limit_bytes: sample.memoryLimitBytes,
    io_bytes: readBytes === null || writeBytes === null ? null : readBytes + writeBytes,
    disk_bytes: sample.heldBytes,
    disk_limit_bytes: sample.heldBytesMax,
    children: sample.processes,
    children_limit: sample.processesLimit,
    read_bytes: readBytes,
    write_bytes: writeBytes,
    processes: sample.processes,
    log_bytes: sample.logBytes,
  };
  return Object.fromEntries(
    Object.entries(told).flatMap(([key, value]) => (value === null ? [] : [[key, Math.round(value)]])),
  );
}
