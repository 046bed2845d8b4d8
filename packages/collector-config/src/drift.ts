import { KINDS, SINGULAR, section, strings } from "./model.ts";
import { isSection, type Section, type Value } from "./read.ts";

/** What stands in the place of a secret in what agents report. */
const REDACTED = "[REDACTED]";
/** Components that supervisors make for a Collector's telemetry about itself. */
const OWN_TELEMETRY = /\/own_(?:metrics|logs|traces)$/;
/** The extension by which a supervisor watches its Collector. */
const SUPERVISORS = "opamp";
/** Differences told of one agent. */
const CHANGES_MAX = 100;

/**
 * What an agent runs otherwise than it was offered, in sentences. What a supervisor adds by itself does not count, nor does what
 * cannot be compared: references, which are resolved on the way or on the host, what was redacted, and settings that nobody
 * offered, since a Collector reports every default it filled in. Some settings it leaves out of its report altogether.
 */
export function drift(offered: Section, effective: Section): { in_sync: boolean; changes: string[] } {
  const changes: string[] = [];
  const parts = (config: Section) =>
    [
      ...KINDS.map((kind) => [SINGULAR[kind], section(config[kind])] as const),
      ["pipeline", section(section(config["service"])["pipelines"])] as const,
    ] as const;
  const running = new Map<string, Section>(parts(effective));
  for (const [what, wanted] of parts(offered)) {
    const runs = running.get(what) ?? {};
    for (const [id, settings] of Object.entries(wanted)) {
      if (!(id in runs)) changes.push(`It does not run the ${what} ${id}.`);
      else {
        const paths = differing(settings, runs[id] ?? null, [], what !== "pipeline");
        if (paths.length > 0)
          changes.push(`The ${what} ${id} runs with another ${paths.map(nameOf).join(", ")}.`);
      }
    }
    for (const id of Object.keys(runs))
      if (!(id in wanted) && !OWN_TELEMETRY.test(id) && !(what === "extension" && id === SUPERVISORS))
        changes.push(
          `It also runs the ${what} ${id}, which is not in the configuration: from files of its own.`,
        );
  }
  const [before, after] = [section(offered["service"]), section(effective["service"])];
  const extensions = (service: Section) => strings(service["extensions"]).filter((id) => id !== SUPERVISORS);
  for (const id of extensions(before))
    if (!extensions(after).includes(id)) changes.push(`It does not start the extension ${id}.`);
  // Supervisors write a part of it themselves, so only what was offered is compared.
  for (const path of differing(before["telemetry"] ?? null, after["telemetry"] ?? null, [], true))
    changes.push(`service.telemetry runs with another ${nameOf(path)}.`);
  return { in_sync: changes.length === 0, changes: changes.slice(0, CHANGES_MAX) };
}

function nameOf(path: readonly string[]): string {
  return path.length === 0 ? "value" : path.join(".");
}

/** Paths at which values differ; with `isOpen` only settings that both name are compared. */
function differing(
  offered: Value,
  effective: Value,
  path: readonly string[],
  isOpen = false,
): (readonly string[])[] {
  if (isNothing(offered) && (isOpen || isNothing(effective))) return [];
  if (isSection(offered) && isOpen) {
    if (!isSection(effective)) return [path];
    return Object.keys(offered)
      .filter((key) => key in effective)
      .flatMap((key) => differing(offered[key] ?? null, effective[key] ?? null, [...path, key], isOpen));
  }
  if (isSection(offered) && (isSection(effective) || isNothing(effective))) {
    const other = section(effective);
    return [...new Set([...Object.keys(offered), ...Object.keys(other)])].flatMap((key) =>
      differing(offered[key] ?? null, other[key] ?? null, [...path, key]),
    );
  }
  if (Array.isArray(offered) && Array.isArray(effective))
    return offered.length === effective.length &&
      offered.every((item, index) => differing(item, effective[index] ?? null, [], isOpen).length === 0)
      ? []
      : [path];
  if (typeof effective === "string" && effective.includes(REDACTED)) return [];
  if (typeof offered === "string" && offered.replaceAll("$$", "").includes("${")) return [];
  // A Collector gives back texts and numbers as it read them, and one dollar for two.
  const text = (value: Value) => (typeof value === "object" ? JSON.stringify(value) : String(value));
  const [wanted, runs] = [text(offered).replaceAll("$$", "$"), text(effective)];
  return wanted === runs || durationOf(wanted) === durationOf(runs, Number.NaN) ? [] : [path];
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};

/** Milliseconds of a duration as Go writes it: `90s` comes back as `1m30s`. */
function durationOf(text: string, otherwise?: number): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return otherwise;
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (UNITS[unit] ?? 0), 0);
}

function isNothing(value: Value): boolean {
  if (value === null) return true;
  return (isSection(value) ? Object.keys(value) : Array.isArray(value) ? value : [value]).length === 0;
}
