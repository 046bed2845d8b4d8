import { lazy, Suspense, useState, type ReactNode } from "react";
import { OVERLAYS_MAX, type ConfigurationProblem } from "@flowplane/contract";
import type { Spot } from "../../editor/YamlEditor.tsx";
import { lineOf } from "../../editor/yamlPlace.ts";
import { say } from "../../ui/announce.ts";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { ProblemList } from "./ProblemList.tsx";
import {
  addOverlay,
  bodyOf,
  changeOverlay,
  moveOverlay,
  problemsIn,
  removeOverlay,
  withBody,
  type ConfigurationText,
  type PartName,
} from "./configurationText.ts";
import { OverlayDialog } from "./OverlayDialog.tsx";
import { OverlayHead } from "./OverlayHead.tsx";
import { OverlayList } from "./OverlayList.tsx";
import { PartStrip } from "./PartStrip.tsx";
import { Reach } from "./Reach.tsx";
import { useMatches, type Checked } from "./useCheck.ts";

const YamlEditor = lazy(() => import("../../editor/YamlEditor.tsx"));
const PipelineGraph = lazy(() => import("../../graph/PipelineGraph.tsx"));
const VIEWS = [
  { value: undefined, word: "Text" },
  { value: "graph", word: "Pipelines and agents" },
] as const;

interface WorkbenchProps {
  readonly text: ConfigurationText;
  readonly onChange: (text: ConfigurationText) => void;
  readonly checked: Checked;
  /** Which of its texts is written in. */
  readonly part: PartName;
  readonly onPart: (part: PartName) => void;
  /** Stands above the editor: where the text comes from and what can be done with it. */
  readonly bar: ReactNode;
  /** The line it begins at. */
  readonly line?: number | undefined;
  /** Why it cannot be written in. */
  readonly whyNot?: string | undefined;
}

type Jump = Spot & { readonly part: PartName };
type Naming = { readonly kind: "add" } | { readonly kind: "rename"; readonly name: string };

/** The texts, their problems, the pipelines they make, whom the overlays are for and who could not take it. */
export function Workbench(props: WorkbenchProps) {
  const { text, onChange, checked, bar, line, whyNot } = props;
  const overlay = text.overlays.find(({ name }) => name === props.part);
  const part = overlay?.name;
  const [jump, setJump] = useState<Jump | undefined>(
    line === undefined ? undefined : { part, line, column: 1, serial: 0 },
  );
  const [view, setView] = useState<"graph" | undefined>(undefined);
  const [naming, setNaming] = useState<Naming | undefined>(undefined);
  const [selectorFocus, setSelectorFocus] = useState(0);
  const matches = useMatches(text, { enabled: text.overlays.length > 0 }).data;
  const { check, problems } = checked;
  const onPart = (next: PartName) => {
    setView(undefined);
    setJump(undefined);
    setSelectorFocus(0);
    props.onPart(next);
  };
  const goTo = (to: PartName, line: number, column = 1) => {
    onPart(to);
    setJump((before) => ({ part: to, line, column, serial: (before?.serial ?? 0) + 1 }));
  };
  const goToProblem = ({ overlay: name, code, line, column }: ConfigurationProblem) => {
    if (code !== "bad_selector") return goTo(name ?? undefined, line, column);
    onPart(name ?? undefined);
    setSelectorFocus((before) => before + 1);
  };
  const remove = (name: string) => {
    const before = text;
    onPart(undefined);
    onChange(removeOverlay(text, name));
    say(`The overlay ${name} is removed`, () => onChange(before));
  };
  return (
    // On a small screen the page scrolls, so that the editor keeps room for more than a line.
    <div className="flex h-full min-h-0 flex-col max-md:min-h-[600px]">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-6 py-2 max-md:px-4">
        <div className="lg:hidden">
          <Scopes label="What to see" scopes={VIEWS} chosen={view} onChoose={setView} />
        </div>
        {bar}
      </div>
      <div className="flex min-h-0 flex-1 border-t border-n4">
        <div className={`flex min-h-0 min-w-0 flex-1 flex-col ${view === "graph" ? "max-lg:hidden" : ""}`}>
          <PartStrip
            overlays={text.overlays}
            problems={problems}
            part={part}
            onPart={onPart}
            onAdd={() => setNaming({ kind: "add" })}
            whyNotAdd={
              whyNot ??
              (text.overlays.length >= OVERLAYS_MAX ? `There can be ${OVERLAYS_MAX} overlays.` : undefined)
            }
          />
          {overlay === undefined ? null : (
            <OverlayHead
              key={overlay.name}
              overlay={overlay}
              isFirst={overlay === text.overlays[0]}
              isLast={overlay === text.overlays.at(-1)}
              problem={problems.find(({ overlay, code }) => overlay === part && code === "bad_selector")}
              matches={matches}
              whyNot={whyNot}
              focus={selectorFocus}
              onSelector={(selector) => onChange(changeOverlay(text, overlay.name, { selector }))}
              onMove={(by) => onChange(moveOverlay(text, overlay.name, by))}
              onRename={() => setNaming({ kind: "rename", name: overlay.name })}
              onRemove={() => remove(overlay.name)}
            />
          )}
          <div className="min-h-0 flex-1">
            <Suspense fallback={<div className="late h-full bg-n1" />}>
              <YamlEditor
                // Each text has an undo history of its own.
                key={part === undefined ? "base" : `overlay ${part}`}
                label={part === undefined ? "Configuration" : `Overlay ${part}`}
                value={bodyOf(text, part)}
                onChange={(body) => onChange(withBody(text, part, body))}
                problems={problemsIn(problems, part)}
                spot={jump?.part === part ? jump : undefined}
                isReadOnly={whyNot !== undefined}
              />
            </Suspense>
          </div>
          <ProblemList checked={checked} onProblem={goToProblem} />
        </div>
        <aside
          aria-label="Pipelines and agents"
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
          tabIndex={0}
          className={`flex w-[42%] max-w-[620px] flex-col gap-6 overflow-auto border-l border-n4 px-5 py-4 focus-visible:-outline-offset-2 max-lg:w-full max-lg:max-w-none max-lg:border-l-0 ${view === "graph" ? "" : "max-lg:hidden"}`}
        >
          {checked.error === null ? null : <Problem error={checked.error} />}
          <Section title="Overlays">
            <OverlayList text={text} matches={matches} onPart={onPart} />
          </Section>
          <Section title="Agents">
            <Reach
              checked={checked}
              onId={(section, id) => goTo(undefined, lineOf(text.body, section, id) ?? 1)}
            />
          </Section>
          <Section title={text.overlays.length === 0 ? "Pipelines" : "Pipelines of the base"}>
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
                    onNode={({ kind, id }) => goTo(undefined, lineOf(text.body, `${kind}s`, id) ?? 1)}
                  />
                </Suspense>
              </div>
            )}
          </Section>
        </aside>
      </div>
      {naming === undefined ? null : (
        <OverlayDialog
          text={text}
          renames={naming.kind === "rename" ? naming.name : undefined}
          onDone={({ name, selector }) => {
            setNaming(undefined);
            if (naming.kind === "add") onChange(addOverlay(text, { name, selector, body: "" }));
            else onChange(changeOverlay(text, naming.name, { name }));
            onPart(name);
          }}
          onClose={() => setNaming(undefined)}
        />
      )}
    </div>
  );
}

function markOf({ kind, id }: { kind: string; id: string }, { check, problems }: Checked) {
  const problem = problems.find(
    ({ overlay, path }) => overlay === null && path[0] === `${kind}s` && path[1] === id,
  );
  if (problem !== undefined)
    return {
      tone: problem.severity === "error" ? ("bad" as const) : ("attention" as const),
      words: problem.message,
    };
  const lack = check?.lacks.find((one) => one.kind === `${kind}s` && one.ids.includes(id));
  return lack === undefined ? undefined : { tone: "attention" as const, words: lack.sentence };
}
