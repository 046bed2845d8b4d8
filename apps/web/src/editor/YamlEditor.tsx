import { setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { Annotation, EditorState, type Text } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { useEffect, useRef } from "react";
import type { ConfigurationProblem } from "@flowplane/contract";
import { editorSetup } from "./setup.ts";

export interface Spot {
  readonly line: number;
  readonly column: number;
  /** Another one for each jump, so that the same spot can be gone to twice. */
  readonly serial: number;
}

interface YamlEditorProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly problems: readonly ConfigurationProblem[];
  readonly spot?: Spot | undefined;
  readonly isReadOnly?: boolean;
}

/** Marks a change that came from the page, which knows of it already. */
const replaced = Annotation.define<true>();

/** The text of a configuration, with its problems where they are. */
export default function YamlEditor(props: YamlEditorProps) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | undefined>(undefined);
  const latest = useRef(props);
  const { label, value, problems, spot, isReadOnly = false } = props;
  useEffect(() => {
    latest.current = props;
  });
  useEffect(() => {
    if (host.current === null) return undefined;
    const tell = EditorView.updateListener.of((update) => {
      const isTyped = update.transactions.some((one) => one.docChanged && one.annotation(replaced) !== true);
      if (isTyped) latest.current.onChange(update.state.doc.toString());
    });
    const made = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [editorSetup(label), EditorState.readOnly.of(isReadOnly), tell],
      }),
    });
    view.current = made;
    // When the list of problems takes room, the line one writes in stays in sight.
    const observer = new ResizeObserver(() => {
      if (made.hasFocus)
        made.dispatch({ effects: EditorView.scrollIntoView(made.state.selection.main.head) });
    });
    observer.observe(made.dom);
    return () => {
      observer.disconnect();
      made.destroy();
      view.current = undefined;
    };
  }, [label, isReadOnly]);
  useEffect(() => {
    const now = view.current?.state.doc.toString();
    // The text was replaced from outside: another version, an import.
    if (now !== undefined && now !== value)
      view.current?.dispatch({
        changes: { from: 0, to: now.length, insert: value },
        annotations: replaced.of(true),
      });
  }, [value]);
  useEffect(() => {
    const state = view.current?.state;
    if (state === undefined) return;
    view.current?.dispatch(
      setDiagnostics(
        state,
        problems.map((problem) => diagnosticOf(problem, state.doc)),
      ),
    );
  }, [problems]);
  useEffect(() => {
    const editor = view.current;
    if (editor === undefined || spot === undefined) return;
    const at = positionOf(spot, editor.state.doc);
    editor.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
    editor.focus();
  }, [spot]);
  return <div ref={host} className="h-full min-h-0 overflow-hidden" />;
}

function positionOf({ line, column }: { line: number; column: number }, doc: Text): number {
  const at = doc.line(Math.min(Math.max(1, line), doc.lines));
  return Math.min(at.to, at.from + Math.max(0, column - 1));
}

/** From the place of the problem to the end of the word there. */
function diagnosticOf(problem: ConfigurationProblem, doc: Text): Diagnostic {
  const from = positionOf(problem, doc);
  const line = doc.lineAt(from);
  const length = /^[^\s,[\]{}]+/.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
  return { from, to: Math.min(line.to, from + length), severity: problem.severity, message: problem.message };
}
