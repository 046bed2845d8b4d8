import type { DetectionEvent, Evidence } from "./events.ts";
import type { EvidenceRecord, Observation } from "./evidence.ts";

// Between what the detector speaks and what is written down.

/** What only the policy is concerned with is no event of the detector. */
export function toEvent(
  event: Exclude<Observation, { kind: "guard" | "resumed_afresh" | "clock" }>,
): DetectionEvent {
  switch (event.kind) {
    case "past_exit": {
      const { at, code, signal, uptime_ms: uptimeMs, signature, text, acted } = event;
      return { kind: "past_exit", at, code, signal, uptimeMs, signature, text, acted };
    }
    case "sample": {
      const { at } = event;
      return {
        kind: "sample",
        at,
        ...known("cpuMs", event.cpu_ms),
        ...known("rssBytes", event.rss_bytes),
        ...known("rssLimitBytes", event.rss_limit_bytes),
        ...known("ioBytes", event.io_bytes),
        ...known("diskBytes", event.disk_bytes),
        ...known("diskLimitBytes", event.disk_limit_bytes),
        ...known("children", event.children),
        ...known("childrenLimit", event.children_limit),
      };
    }
    case "heartbeat":
      return event.progress === null
        ? { kind: "heartbeat", at: event.at }
        : { kind: "heartbeat", at: event.at, progress: event.progress };
    case "start":
    case "progress":
    case "tick":
    case "frozen":
    case "exit":
    case "end":
      return event;
  }
}

function known<K extends string>(key: K, value: number | undefined): { [P in K]?: number } {
  // The key is the one the type names.
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: number };
}

export function toRecord(evidence: Evidence): EvidenceRecord {
  const { families, signature, lines, since, lastProgress, suppressions, configHash } = evidence;
  return {
    families: families.map((reading) => ({ ...reading })),
    signature:
      signature === null
        ? null
        : {
            text: signature.text,
            last_text: signature.lastText,
            count: signature.count,
            period_ms: signature.periodMs,
          },
    lines,
    since,
    last_progress: lastProgress,
    suppressions,
    config_hash: configHash,
  };
}
