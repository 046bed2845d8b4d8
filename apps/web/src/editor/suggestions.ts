/** What may be written at a place of a Collector's configuration. Pure. */
import { KNOWN, SECTIONS, SERVICE_KEYS, SIGNAL_NAMES, type Section } from "./knownComponents.ts";
import { idsIn, type YamlPlace } from "./yamlPlace.ts";

export interface Suggestion {
  readonly label: string;
  readonly detail: string;
  /** What is put in; a key gets its colon. */
  readonly insert: string;
}

/** Suggestions at `place` of `text`, in the order they are shown. */
export function suggestionsAt(text: string, { path, isList }: YamlPlace): Suggestion[] {
  const [first, second, third, fourth] = path;
  const section = SECTIONS.find((name) => name === first);
  if (path.length === 0) return keys([...SECTIONS, "service"], "section");
  if (section !== undefined && path.length === 1) return keys(Object.keys(KNOWN[section]), singular(section));
  if (section !== undefined && path.length === 2)
    return keys(KNOWN[section][typeOf(second ?? "")] ?? [], `of ${typeOf(second ?? "")}`);
  if (first !== "service") return [];
  if (path.length === 1) return keys(SERVICE_KEYS, "of the service");
  if (second === "extensions") return values(idsIn(text, "extensions"), "extension");
  if (second !== "pipelines") return [];
  if (third === undefined) return keys(SIGNAL_NAMES, "pipeline");
  if (fourth === undefined) return keys(["receivers", "processors", "exporters"], "of the pipeline");
  const used = SECTIONS.find((name) => name === fourth);
  if (used === undefined || !isList) return [];
  return [
    ...values(idsIn(text, used), singular(used)),
    // A connector ends one pipeline and begins another.
    ...(used === "processors" ? [] : values(idsIn(text, "connectors"), "connector")),
  ];
}

function keys(names: readonly string[], detail: string): Suggestion[] {
  return names.map((label) => ({ label, detail, insert: `${label}:` }));
}

function values(names: readonly string[], detail: string): Suggestion[] {
  return names.map((label) => ({ label, detail, insert: label }));
}

function singular(section: Section): string {
  return section.slice(0, -1);
}

function typeOf(id: string): string {
  return id.split("/")[0] ?? id;
}
