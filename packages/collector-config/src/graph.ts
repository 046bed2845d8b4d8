import type { Model, Pipeline } from "./model.ts";

/** A pipeline drawn: each part of it where it stands, and the connectors that lead from one pipeline to the next. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

export interface GraphNode {
  /** Unique in the graph. A receiver, exporter or connector is one node however many pipelines share it. */
  readonly key: string;
  readonly kind: "receiver" | "processor" | "exporter" | "connector";
  readonly id: string;
  /** Of processors, which are made anew for each pipeline; null for what pipelines share. */
  readonly pipeline: string | null;
}

/** What flows where, as a Collector builds it: receivers, the pipeline's own processors in order, exporters. */
export function graphOf(model: Model): Graph {
  const connectors = new Set(model.components.connectors);
  const nodes = new Map<string, GraphNode>();
  const edges = new Map<string, { from: string; to: string }>();
  const add = (kind: GraphNode["kind"], id: string, pipeline: string | null): string => {
    const key = `${kind}:${id}${pipeline === null ? "" : `@${pipeline}`}`;
    nodes.set(key, { key, kind, id, pipeline });
    return key;
  };
  const connect = (from: string, to: string) => edges.set(`${from} ${to}`, { from, to });
  for (const pipeline of model.pipelines) {
    const end = (id: string, kind: "receiver" | "exporter") =>
      add(connectors.has(id) ? "connector" : kind, id, null);
    const receivers = pipeline.receivers.map((id) => end(id, "receiver"));
    const processors = pipeline.processors.map((id) => add("processor", id, pipeline.id));
    const exporters = pipeline.exporters.map((id) => end(id, "exporter"));
    const [first] = processors;
    const last = processors.at(-1);
    processors.slice(1).forEach((key, index) => connect(processors[index] ?? key, key));
    for (const receiver of receivers)
      for (const next of first === undefined ? exporters : [first]) connect(receiver, next);
    if (last !== undefined) for (const exporter of exporters) connect(last, exporter);
  }
  return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/** The first circle of pipelines joined by connectors, as pipeline ids, the first again at the end; null when there is none. */
export function findCycle(model: Model): readonly string[] | null {
  const connectors = new Set(model.components.connectors);
  const readers = new Map<string, Pipeline[]>();
  for (const pipeline of model.pipelines)
    for (const id of pipeline.receivers)
      if (connectors.has(id)) readers.set(id, [...(readers.get(id) ?? []), pipeline]);
  const next = ({ exporters }: Pipeline) =>
    exporters.filter((id) => connectors.has(id)).flatMap((id) => readers.get(id) ?? []);

  const done = new Set<string>();
  for (const start of model.pipelines) {
    // Depth first without recursion: what is on the way, each with the pipelines still to be tried from it.
    const way: { pipeline: Pipeline; rest: Pipeline[] }[] = [{ pipeline: start, rest: next(start) }];
    while (way.length > 0) {
      const here = way.at(-1);
      const step = here?.rest.shift();
      if (step === undefined) {
        done.add(way.pop()?.pipeline.id ?? "");
        continue;
      }
      const met = way.findIndex(({ pipeline }) => pipeline.id === step.id);
      if (met >= 0) return [...way.slice(met).map(({ pipeline }) => pipeline.id), step.id];
      if (!done.has(step.id)) way.push({ pipeline: step, rest: next(step) });
    }
  }
  return null;
}
