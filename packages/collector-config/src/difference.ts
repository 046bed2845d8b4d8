import { KINDS, SINGULAR, section, type Kind } from "./model.ts";
import { isSection, type Section, type Value } from "./read.ts";

/** One thing that a new configuration does otherwise. */
export interface Change {
  readonly change: "added" | "removed" | "changed";
  readonly what: "pipeline" | "service" | (typeof SINGULAR)[Kind];
  /** The component, the pipeline or the key of `service`. */
  readonly id: string;
  /** Of what changed, the settings that did: `["protocols", "grpc", "endpoint"]`. */
  readonly settings: readonly (readonly (string | number)[])[];
}

/** What differs in meaning: order of keys, comments and layout do not count; the order of processors does. */
export function differences(before: Section, after: Section): Change[] {
  const services = [section(before["service"]), section(after["service"])] as const;
  const rest = (service: Section): Section =>
    Object.fromEntries(Object.entries(service).filter(([key]) => key !== "pipelines"));
  return [
    ...KINDS.flatMap((kind) => compare(SINGULAR[kind], section(before[kind]), section(after[kind]))),
    ...compare("pipeline", section(services[0]["pipelines"]), section(services[1]["pipelines"])),
    ...compare("service", rest(services[0]), rest(services[1])),
  ];
}

function compare(what: Change["what"], before: Section, after: Section): Change[] {
  const ids = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...ids].flatMap((id): Change[] => {
    if (!(id in before)) return [{ change: "added", what, id, settings: [] }];
    if (!(id in after)) return [{ change: "removed", what, id, settings: [] }];
    const settings = unequal(before[id] ?? null, after[id] ?? null, []);
    return settings.length === 0 ? [] : [{ change: "changed", what, id, settings }];
  });
}

/** The paths at which two values differ; a list is one value. */
function unequal(a: Value, b: Value, path: readonly (string | number)[]): (readonly (string | number)[])[] {
  if (isSection(a) && isSection(b)) {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...keys].flatMap((key) =>
      key in a && key in b ? unequal(a[key] ?? null, b[key] ?? null, [...path, key]) : [[...path, key]],
    );
  }
  return JSON.stringify(a) === JSON.stringify(b) ? [] : [path];
}
