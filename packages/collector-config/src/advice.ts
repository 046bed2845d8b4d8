import { section, typeOf, type Model } from "./model.ts";
import type { Tell } from "./problem.ts";
import { isSection, type Section, type Value } from "./read.ts";

/** What Collectors once had, and what to write instead. */
const REMOVED: Readonly<Record<string, string>> = {
  "exporters/logging": "The exporter logging was removed; use debug.",
  "exporters/jaeger": "The exporter jaeger was removed; Jaeger takes otlp.",
  "exporters/jaeger_thrift": "The exporter jaeger_thrift was removed; Jaeger takes otlp.",
  "processors/queued_retry":
    "The processor queued_retry was removed; exporters queue and retry by themselves.",
  "extensions/memory_ballast": "The extension memory_ballast was removed; set GOMEMLIMIT instead.",
};

/** What is allowed and hardly meant, or meant and no longer there. */
export function checkAdvice(config: Section, model: Model, tell: Tell): void {
  for (const kind of ["exporters", "processors", "extensions"] as const)
    for (const id of model.components[kind]) {
      const removed = REMOVED[`${kind}/${typeOf(id)}`];
      if (removed !== undefined) tell("warning", "removed", [kind, id], removed);
    }
  if ("address" in section(section(section(config["service"])["telemetry"])["metrics"]))
    tell(
      "warning",
      "removed",
      ["service", "telemetry", "metrics", "address"],
      "The address of the Collector's own metrics was removed; name a reader below service.telemetry.metrics.readers.",
    );
  checkEndpoints(config, model, tell);
  for (const { id, processors } of model.pipelines) {
    const index = processors.findIndex((processor) => typeOf(processor) === "memory_limiter");
    if (index > 0)
      tell(
        "warning",
        "order",
        ["service", "pipelines", id, "processors", index],
        `${processors[index]} comes behind ${processors[0]}; only as the first processor can it keep memory from running out.`,
      );
  }
}

/** Two receivers or extensions on one port: the second will not start, and takes the whole Collector with it. */
function checkEndpoints(config: Section, model: Model, tell: Tell): void {
  const usedReceivers = new Set(model.pipelines.flatMap(({ receivers }) => receivers));
  const owners = new Map<string, string>();
  for (const kind of ["receivers", "extensions"] as const)
    for (const id of model.components[kind]) {
      if (kind === "receivers" ? !usedReceivers.has(id) : !model.started.includes(id)) continue;
      for (const { endpoint, transport, path } of endpoints(section(config[kind])[id] ?? null, [kind, id])) {
        const key = `${transport} ${endpoint}`;
        const owner = owners.get(key);
        if (owner !== undefined && owner !== path.join("."))
          tell(
            "error",
            "same_endpoint",
            path,
            `${endpoint} is taken by ${owner} already, so the Collector could not start.`,
          );
        else owners.set(key, path.join("."));
      }
    }
}

type Endpoint = { endpoint: string; transport: string; path: readonly (string | number)[] };

/** Addresses that settings listen on: `endpoint` and `listen_address` with a port of their own. */
function endpoints(value: Value, path: readonly (string | number)[]): Endpoint[] {
  if (!isSection(value)) return [];
  const transport = typeof value["transport"] === "string" ? value["transport"].slice(0, 3) : "tcp";
  return Object.entries(value).flatMap(([key, item]): Endpoint[] => {
    const here = [...path, key];
    const isAddress = (key === "endpoint" || key === "listen_address") && typeof item === "string";
    // A URL is where something is fetched from; a host without a port says nothing of ports.
    if (isAddress) return /^[^/\s$]*:[1-9]\d*$/.test(item) ? [{ endpoint: item, transport, path: here }] : [];
    return endpoints(item as Value, here);
  });
}
