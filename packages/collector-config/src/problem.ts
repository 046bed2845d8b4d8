/** A place in the text, for people and editors: lines and columns count from 1, offsets from 0. */
export interface Position {
  readonly line: number;
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Something to mend. An `error` keeps a Collector from starting, or stops one that runs; a `warning` is allowed and
 * probably not meant. `code` is stable and for programs; `path` leads to the value: `["service", "pipelines", "logs"]`.
 */
export interface Problem {
  readonly severity: "error" | "warning";
  readonly code: ProblemCode;
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly at: Position;
}

export type ProblemCode =
  | "too_large"
  | "syntax"
  | "duplicate_key"
  | "too_deep"
  | "aliases"
  | "several_documents"
  | "empty"
  | "shape"
  | "unknown_section"
  | "bad_id"
  | "no_pipeline"
  | "bad_signal"
  | "no_receiver"
  | "no_exporter"
  | "dangling"
  | "ambiguous"
  | "repeated"
  | "unused"
  | "connector_use"
  | "cycle"
  | "missing_component"
  | "removed"
  | "same_endpoint"
  | "order"
  | "plain_secret"
  | "bad_reference";

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** How checks tell what they find. */
export type Tell = (
  severity: Problem["severity"],
  code: ProblemCode,
  path: readonly (string | number)[],
  message: string,
) => void;
