import { isSection, type Section, type Value } from "./read.ts";

export const KINDS = ["receivers", "processors", "exporters", "connectors", "extensions"] as const;
export type Kind = (typeof KINDS)[number];
export const SINGULAR = {
  receivers: "receiver",
  processors: "processor",
  exporters: "exporter",
  connectors: "connector",
  extensions: "extension",
} as const satisfies Readonly<Record<Kind, string>>;

/** What flows through a pipeline; the word before the slash of its id. */
export const SIGNALS = ["traces", "metrics", "logs", "profiles"] as const;

export interface Pipeline {
  readonly id: string;
  readonly receivers: readonly string[];
  readonly processors: readonly string[];
  readonly exporters: readonly string[];
}

/** What of a configuration its pipelines are made of. Anything of the wrong shape is left out: `check` tells of it. */
export interface Model {
  /** Ids in order of the text. */
  readonly components: Readonly<Record<Kind, readonly string[]>>;
  readonly pipelines: readonly Pipeline[];
  /** Extensions that `service` starts. */
  readonly started: readonly string[];
}

export function modelOf(config: Section): Model {
  const ids = (kind: Kind) => Object.keys(section(config[kind]));
  const service = section(config["service"]);
  return {
    components: {
      receivers: ids("receivers"),
      processors: ids("processors"),
      exporters: ids("exporters"),
      connectors: ids("connectors"),
      extensions: ids("extensions"),
    },
    pipelines: Object.entries(section(service["pipelines"])).map(([id, body]) => ({
      id,
      receivers: strings(section(body)["receivers"]),
      processors: strings(section(body)["processors"]),
      exporters: strings(section(body)["exporters"]),
    })),
    started: strings(service["extensions"]),
  };
}

/** `otlp/2` -> `otlp`: what a Collector has to be built with. */
export function typeOf(id: string): string {
  const slash = id.indexOf("/");
  return (slash < 0 ? id : id.slice(0, slash)).trim();
}

export function section(value: Value | undefined): Section {
  return isSection(value) ? value : {};
}

export function strings(value: Value | undefined): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}
