import { lazy, Suspense, useCallback, useState, type ReactNode } from "react";
import type { Spot } from "../../editor/YamlEditor.tsx";
import { lineOf } from "../../editor/yamlPlace.ts";
import { counted } from "../../lib/units.ts";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { ProblemList } from "./ProblemList.tsx";
import type { Checked } from "./useCheck.ts";

const YamlEditor = lazy(() => import("../../editor/YamlEditor.tsx"));
const PipelineGraph = lazy(() => import("../../graph/PipelineGraph.tsx"));
const VIEWS = [
  { value: undefined, word: "Text" },
  { value: "graph", word: "Pipelines and agents" },
] as const;

interface WorkbenchProps {
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly checked: Checked;
  /** Stands above the editor: where the text comes from and what can be done with it. */
  readonly bar: ReactNode;
  /** The line it begins at. */
  readonly line?: number | undefined;
}

/** The text, its problems, the pipelines it makes and who could not take it. */
export function Workbench({ text, onChange, checked, bar, line }: WorkbenchProps) {
  const [spot, setSpot] = useState<Spot | undefined>(
    line === undefined ? undefined : { line, column: 1, serial: 0 },
  );
  const [view, setView] = useState<"graph" | undefined>(undefined);
  const { check, problems } = checked;
  const goTo = useCallback((line: number, column = 1) => {
    setView(undefined);
    setSpot((before) => ({ line, column, serial: (before?.serial ?? 0) + 1 }));
  }, []);
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-6 py-2 max-md:px-4">
        <div className="lg:hidden">
          <Scopes label="What to see" scopes={VIEWS} chosen={view} onChoose={setView} />
        </div>
        {bar}
      </div>
      <div className="flex min-h-0 flex-1 border-t border-n4">
        <div className={`flex min-h-0 min-w-0 flex-1 flex-col ${view === "graph" ? "max-lg:hidden" : ""}`}>
          <div className="min-h-0 flex-1">
            <Suspense fallback={<div className="late h-full bg-n1" />}>
              <YamlEditor
                label="Configuration"
                value={text}
                onChange={onChange}
                problems={problems}
                spot={spot}
              />
            </Suspense>
          </div>
          <ProblemList checked={checked} onProblem={({ line, column }) => goTo(line, column)} />
        </div>
        <aside
          aria-label="Pipelines and agents"
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
          tabIndex={0}
          className={`flex w-[42%] max-w-[620px] flex-col gap-6 overflow-auto border-l border-n4 px-5 py-4 focus-visible:-outline-offset-2 max-lg:w-full max-lg:max-w-none max-lg:border-l-0 ${view === "graph" ? "" : "max-lg:hidden"}`}
        >
          {checked.error === null ? null : <Problem error={checked.error} />}
          <Section title="Agents">
            <Reach checked={checked} onId={(section, id) => goTo(lineOf(text, section, id) ?? 1)} />
          </Section>
          <Section title="Pipelines">
            {check?.graph === undefined ? null : check.graph === null ? (
              <p className="text-n8">The text is no configuration yet, so there is nothing to draw.</p>
            ) : check.graph.nodes.length === 0 ? (
              <p className="text-n8">No pipeline is defined below service › pipelines.</p>
            ) : (
              <div className="overflow-x-auto pb-2">
                <Suspense fallback={null}>
                  <PipelineGraph
                    graph={check.graph}
                    markOf={(node) => markOf(node, checked)}
                    onNode={({ kind, id }) => goTo(lineOf(text, `${kind}s`, id) ?? 1)}
                  />
                </Suspense>
              </div>
            )}
          </Section>
        </aside>
      </div>
    </div>
  );
}

/** Who could not take it: "12 of 340 agents lack the receiver filelog." */
function Reach({ checked, onId }: { checked: Checked; onId: (section: string, id: string) => void }) {
  const { check } = checked;
  if (check === undefined) return null;
  const { agents, reporting } = check.fleet;
  if (agents === 0)
    return <p className="text-n8">No Collector has enrolled yet, so nobody is there to hold it against.</p>;
  return (
    <ul className="flex flex-col gap-1">
      {check.lacks.map(({ kind, type, ids, sentence }) => (
        <li key={`${kind} ${type}`} className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          <span>
            {sentence}{" "}
            {ids.map((id) => (
              <button
                key={id}
                type="button"
                onClick={() => onId(kind, id)}
                className="rounded-sm font-mono text-sm text-accent hover:underline"
              >
                {id}
              </button>
            ))}
          </span>
        </li>
      ))}
      {check.lacks.length > 0 || reporting === 0 ? null : (
        <li className="flex items-baseline gap-2">
          <StateShape tone="ok" />
          All {counted(reporting, "Collector")} that say what they are built with have every component.
        </li>
      )}
      {reporting === agents ? null : (
        <li className="flex items-baseline gap-2 text-n8">
          <StateShape tone="off" />
          {counted(agents - reporting, "Collector")} of {agents} {agents - reporting === 1 ? "does" : "do"}{" "}
          not say what {agents - reporting === 1 ? "it is" : "they are"} built with.
        </li>
      )}
    </ul>
  );
}

function markOf({ kind, id }: { kind: string; id: string }, { check, problems }: Checked) {
  const problem = problems.find(({ path }) => path[0] === `${kind}s` && path[1] === id);
  if (problem !== undefined)
    return {
      tone: problem.severity === "error" ? ("bad" as const) : ("attention" as const),
      words: problem.message,
    };
  const lack = check?.lacks.find((one) => one.kind === `${kind}s` && one.ids.includes(id));
  return lack === undefined ? undefined : { tone: "attention" as const, words: lack.sentence };
}
