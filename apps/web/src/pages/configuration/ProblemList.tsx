import type { ConfigurationProblem } from "@flowplane/contract";
import { counted } from "../../lib/units.ts";
import { StateShape } from "../../ui/StateMark.tsx";
import type { Checked } from "./useCheck.ts";

interface ProblemListProps {
  readonly checked: Checked;
  readonly onProblem: (problem: ConfigurationProblem) => void;
}

/** Below the editor: what is wrong, text by text in the order of the lines. A click leads there. */
export function ProblemList({ checked, onProblem }: ProblemListProps) {
  const { problems, check } = checked;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  const summary = [
    errors === 0 ? undefined : counted(errors, "error"),
    warnings === 0 ? undefined : counted(warnings, "warning"),
  ].filter((part) => part !== undefined);
  return (
    <section aria-label="Problems" className="flex max-h-[34%] shrink-0 flex-col border-t border-n4">
      <p aria-live="polite" className="flex items-center gap-2 px-4 py-1.5 text-sm">
        {check === undefined ? (
          <span className="text-n8">Not checked yet.</span>
        ) : problems.length === 0 ? (
          <>
            <StateShape tone="ok" /> A Collector would take it.
          </>
        ) : (
          <>
            <StateShape tone={errors > 0 ? "bad" : "attention"} /> {summary.join(", ")}
          </>
        )}
        {checked.isCurrent ? null : <span className="text-n8">checking…</span>}
      </p>
      {problems.length === 0 ? null : (
        <ul className="min-h-0 overflow-y-auto pb-1">
          {problems.map((problem) => (
            <li
              key={`${problem.overlay ?? ""}/${problem.line}:${problem.column}${problem.code}${problem.message}`}
            >
              <button
                type="button"
                onClick={() => onProblem(problem)}
                className="flex w-full items-baseline gap-2 px-4 py-1 text-left hover:bg-n2 focus-visible:-outline-offset-2"
              >
                <StateShape tone={problem.severity === "error" ? "bad" : "attention"} />
                <span className="min-w-14 shrink-0 font-mono text-xs text-n8">{placeOf(problem)}</span>
                <span className="min-w-0 break-words">{problem.message}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** "12:3", "berlin 4:1", or "berlin" where no line of a text is meant. */
export function placeOf({ overlay, code, line, column }: ConfigurationProblem): string {
  if (code === "bad_selector") return overlay ?? "";
  return `${overlay === null ? "" : `${overlay} `}${line}:${column}`;
}
