import { stringify } from "yaml";
import { isSection, type Section, type Value } from "./read.ts";

/** One entry of a configuration map, as an agent gets it. */
export interface Fragment {
  readonly name: string;
  readonly value: Section;
}

/**
 * What an opampsupervisor makes of several entries: by name, the unnamed one last, each laid over those before it. Maps
 * become one, lists and values are replaced; only the extensions that the service starts are put together.
 */
export function mergeFragments(fragments: readonly Fragment[]): Section {
  return layOver(fragments.toSorted((a, b) => order(a.name, b.name)).map(({ value }) => value));
}

/** As `mergeFragments`, in the order given. */
export function layOver(sections: readonly Section[]): Section {
  return sections.reduce<Section>((under, value) => {
    const merged = overlay(under, value);
    const extensions = [...startedBy(under), ...startedBy(value)];
    if (startedBy(under).length === 0 || startedBy(value).length === 0) return merged;
    return {
      ...merged,
      service: { ...(merged["service"] as Section), extensions: [...new Set(extensions)] },
    };
  }, {});
}

/** `over` laid over `under`, at every depth. */
export function overlay(under: Section, over: Section): Section {
  const merged: Record<string, Value> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const before = merged[key];
    merged[key] = isSection(before) && isSection(value) ? (overlay(before, value) as Value) : value;
  }
  return merged;
}

function order(a: string, b: string): number {
  if (a === "" || b === "") return Number(a === "") - Number(b === "");
  return a < b ? -1 : Number(a > b);
}

/** The extensions that the service starts. */
export function startedBy(config: Section): string[] {
  const { service } = config;
  const extensions = isSection(service) ? service["extensions"] : undefined;
  return Array.isArray(extensions) ? extensions.filter((id): id is string => typeof id === "string") : [];
}

/** A configuration as YAML again. Comments are of the texts it was made from and are gone. */
export function writeConfig(config: Section): string {
  return stringify(config, { lineWidth: 0 });
}
