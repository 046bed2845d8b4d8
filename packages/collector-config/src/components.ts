import { KINDS, SINGULAR, typeOf, type Kind, type Model } from "./model.ts";

/** What a Collector is built with: types by kind, as it reports them over OpAMP (AvailableComponents). */
export type Available = Readonly<Record<Kind, ReadonlySet<string>>>;

/** A component that some Collectors lack. */
export interface Lack {
  readonly kind: Kind;
  readonly type: string;
  readonly ids: readonly string[];
  /** How many Collectors lack it. */
  readonly agents: number;
}

/**
 * Which types a configuration needs that some Collectors do not have. `fleet` has one entry for each different set of
 * components, with the number of Collectors that report it: a fleet of thousands has a handful of sets.
 */
export function lacking(model: Model, fleet: readonly { available: Available; agents: number }[]): Lack[] {
  return KINDS.flatMap((kind) => {
    const types = Map.groupBy(model.components[kind], typeOf);
    return [...types].flatMap(([type, ids]) => {
      const agents = fleet
        .filter(({ available }) => !available[kind].has(type))
        .reduce((sum, set) => sum + set.agents, 0);
      return agents === 0 ? [] : [{ kind, type, ids, agents }];
    });
  });
}

/** "12 of 340 agents lack the receiver filelog." */
export function lackSentence({ kind, type, agents }: Lack, total: number): string {
  const who =
    total === 1
      ? "The agent lacks"
      : agents === total
        ? `All ${total} agents lack`
        : `${agents} of ${total} agents lack`;
  return `${who} the ${SINGULAR[kind]} ${type}.`;
}

/**
 * The types in an agent's report: `components` maps `receivers`, … to details whose own
 * `components` name them, as `availableComponentsToJson` of the OpAMP package leaves them. Anything of another shape counts as not reported.
 */
export function availableOf(report: unknown): Available | null {
  if (typeof report !== "object" || report === null) return null;
  const entries = KINDS.map((kind) => [kind, typesIn((report as Record<string, unknown>)[kind])] as const);
  if (entries.every(([, types]) => types.size === 0)) return null;
  return Object.fromEntries(entries) as unknown as Available;
}

function typesIn(details: unknown): Set<string> {
  if (typeof details !== "object" || details === null) return new Set();
  const map = (details as Record<string, unknown>)["components"];
  return new Set(typeof map === "object" && map !== null ? Object.keys(map).map(typeOf) : []);
}
