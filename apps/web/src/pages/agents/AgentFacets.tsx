import {
  AGENT_STATES,
  HEALTH_LEVELS,
  type AgentState,
  type EndpointOutput,
  type Api,
} from "@flowplane/contract";
import { AGENT_LOOK, HEALTH_LOOK, KIND_WORD } from "../../api/states.ts";
import { number } from "../../lib/units.ts";
import { FacetMenu } from "../../list/FacetMenu.tsx";
import { filterTerms, toggleTerm } from "../../list/filterText.ts";
import { oneOf, type AgentsSearch } from "../../search.ts";
import { StateShape } from "../../ui/StateMark.tsx";

type Facets = EndpointOutput<Api["agentFacets"]>;

interface AgentFacetsProps {
  readonly facets: Facets | undefined;
  readonly search: AgentsSearch;
  readonly onChange: (part: AgentsSearch) => void;
}

/** States always in sight with their counts; the other facets behind chips. */
export function AgentFacets({ facets, search, onChange }: AgentFacetsProps) {
  const text = search.q ?? "";
  const term = (key: string) => filterTerms(text).find((candidate) => candidate.key === key)?.value;
  const toggle = (key: string, value: string) => {
    const next = toggleTerm(text, key, value);
    onChange({ q: next === "" ? undefined : next });
  };
  return (
    <div className="flex flex-wrap items-center gap-x-2 gap-y-1.5">
      <div role="group" aria-label="State" className="-ml-1.5 flex flex-wrap gap-1 max-md:hidden">
        {AGENT_STATES.map((state) => (
          <StateChip
            key={state}
            state={state}
            count={facets?.state.find(({ value }) => value === state)?.count ?? 0}
            chosen={search.state === state}
            onToggle={() => onChange({ state: search.state === state ? undefined : state })}
          />
        ))}
      </div>
      <div className="flex flex-wrap gap-1.5">
        <div className="md:hidden">
          <FacetMenu
            name="State"
            chosen={search.state}
            values={(facets?.state ?? []).map((entry) => {
              const state = oneOf(entry.value, AGENT_STATES);
              return state === undefined ? entry : { ...entry, label: AGENT_LOOK[state].word };
            })}
            onChoose={(state) => onChange({ state: oneOf(state, AGENT_STATES) })}
          />
        </div>
        <FacetMenu
          name="Kind"
          chosen={search.kind}
          values={(facets?.kind ?? []).map((entry) => {
            const kind = oneOf(entry.value, ["site", "collector", "gateway"]);
            return kind === undefined ? entry : { ...entry, label: KIND_WORD[kind] };
          })}
          onChoose={(kind) => onChange({ kind: oneOf(kind, ["site", "collector", "gateway"]) })}
        />
        <FacetMenu
          name="Site"
          chosen={term("site")}
          values={facets?.site ?? []}
          onChoose={(site) => toggle("site", site ?? term("site") ?? "")}
        />
        <FacetMenu
          name="Health"
          chosen={term("health_level")}
          values={(facets?.health_level ?? []).map((entry) => {
            const level = oneOf(entry.value, HEALTH_LEVELS);
            return level === undefined ? entry : { ...entry, label: HEALTH_LOOK[level].word };
          })}
          onChoose={(level) => toggle("health_level", level ?? term("health_level") ?? "")}
        />
        <FacetMenu
          name="Configuration"
          chosen={term("configuration")}
          values={facets?.configuration ?? []}
          onChoose={(name) => toggle("configuration", name ?? term("configuration") ?? "")}
        />
        <FacetMenu
          name="Version"
          chosen={term("version")}
          values={facets?.version ?? []}
          onChoose={(version) => toggle("version", version ?? term("version") ?? "")}
        />
        <FacetMenu
          name="OS"
          chosen={term("os")}
          values={facets?.os ?? []}
          onChoose={(os) => toggle("os", os ?? term("os") ?? "")}
        />
      </div>
    </div>
  );
}

function StateChip({
  state,
  count,
  chosen,
  onToggle,
}: {
  state: AgentState;
  count: number;
  chosen: boolean;
  onToggle: () => void;
}) {
  if (count === 0 && !chosen) return null;
  const { tone, word } = AGENT_LOOK[state];
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={onToggle}
      className="flex h-8 items-center gap-1.5 rounded-md px-1.5 text-n9 hover:bg-n2 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-9"
    >
      <StateShape tone={tone} />
      {word}
      <span className="text-n8">{number(count)}</span>
    </button>
  );
}
