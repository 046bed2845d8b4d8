import { checkConfig, lacking, type Available } from "@flowplane/collector-config";
import type { Bench } from "./bench.ts";
import { load, round } from "./machine.ts";
import { percentiles } from "./percentiles.ts";

/** A configuration of so many lines, checked, and held against what a fleet's Collectors are built with. */
export const bench: Bench = {
  options: { lines: 1_000, agents: 25_000, sets: 12, rounds: 50 },
  async run({ lines = 0, agents = 0, sets = 1, rounds = 0 }) {
    const text = configOf(lines);
    const fleet = fleetOf(agents, sets);
    const checks: number[] = [];
    const matches: number[] = [];
    let lacks = 0;
    for (let round_ = 0; round_ < rounds; round_ += 1) {
      const start = performance.now();
      const { model, problems } = checkConfig(text);
      if (model === null || problems.some(({ severity }) => severity === "error"))
        throw new Error("the bench's configuration is bad");
      checks.push(performance.now() - start);
      const between = performance.now();
      // As the control plane does: one entry for each set of components that agents report.
      const counted = new Map<Available, number>();
      for (const available of fleet) counted.set(available, (counted.get(available) ?? 0) + 1);
      lacks = lacking(
        model,
        [...counted].map(([available, count]) => ({ available, agents: count })),
      ).length;
      matches.push(performance.now() - between);
    }
    return {
      lines: text.split("\n").length,
      kilobytes: round(text.length / 1000),
      check: percentiles(checks),
      match_fleet: percentiles(matches),
      components_somebody_lacks: lacks,
      load: load(),
    };
  },
};

/** Pipelines of logs, each with a receiver, two processors and an exporter of its own: 14 lines, and 6 around them all. */
function configOf(lines: number): string {
  const count = Math.max(1, Math.round((lines - 6) / 14));
  const each = (write: (n: number) => string) => Array.from({ length: count }, (_, n) => write(n)).join("");
  return `receivers:
${each((n) => `  filelog/${n}:\n    include: [/var/log/app-${n}/*.log]\n    start_at: end\n`)}processors:
${each((n) => `  batch/${n}:\n    timeout: 5s\n  attributes/${n}:\n    actions:\n      - {key: app, value: app-${n}, action: insert}\n`)}exporters:
${each((n) => `  otlphttp/${n}:\n    endpoint: https://logs-${n}.example\n`)}service:
  pipelines:
${each((n) => `    logs/${n}:\n      receivers: [filelog/${n}]\n      processors: [batch/${n}, attributes/${n}]\n      exporters: [otlphttp/${n}]\n`)}`;
}

function fleetOf(agents: number, sets: number): Available[] {
  const distributions = Array.from({ length: sets }, (_, n): Available => ({
    receivers: new Set(n % 3 === 0 ? ["otlp"] : ["otlp", "filelog"]),
    processors: new Set(["batch", "attributes", "memory_limiter"]),
    exporters: new Set(["otlphttp", "debug"]),
    connectors: new Set(["forward"]),
    extensions: new Set(["health_check"]),
  }));
  return Array.from({ length: agents }, (_, n) => distributions[n % sets] as Available);
}
