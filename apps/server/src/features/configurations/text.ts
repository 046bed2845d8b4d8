import { createHash } from "node:crypto";
import {
  checkOverlaid,
  type CheckedOverlaid,
  type PlacedProblem,
  type Problem,
} from "@flowplane/collector-config";
import type { ConfigurationOverlay, ConfigurationProblem } from "@flowplane/contract";
import { AppError } from "../../platform/errors.ts";
import { parseSelector } from "../fleet/selector.ts";

/** Problems named in a refusal; the check names all. */
const PROBLEMS_TOLD_MAX = 20;

export interface JudgedText {
  readonly hash: string;
  readonly bytes: number;
  readonly warnings: number;
  /** As the database keeps them. */
  readonly overlays: string;
}

/** What is wrong with a text, its overlays and their selectors. */
export function checkSources(
  body: string,
  overlays: readonly ConfigurationOverlay[],
): { checked: CheckedOverlaid; problems: ConfigurationProblem[] } {
  const checked = checkOverlaid(body, overlays);
  const selectors = overlays.flatMap(({ name, selector }): ConfigurationProblem[] => {
    const parsed = parseSelector(selector);
    return parsed.ok
      ? []
      : [
          {
            severity: "error",
            code: "bad_selector",
            message: `The selector cannot be read. ${parsed.problem}`,
            path: ["selector"],
            line: 1,
            column: 1,
            overlay: name,
          },
        ];
  });
  return { checked, problems: [...checked.problems.map(problemOf), ...selectors] };
}

/** What is kept about a text that may be saved. Throws `invalid_input` with every place that a Collector would refuse. */
export function judgeText(body: string, overlays: readonly ConfigurationOverlay[] = []): JudgedText {
  // No text in the database holds a NUL or half a character.
  for (const text of [body, ...overlays.flatMap((overlay) => [overlay.selector, overlay.body])])
    if (!text.isWellFormed() || text.includes("\0"))
      throw new AppError(
        "invalid_input",
        "The configuration holds a NUL or half a character. Save it as UTF-8.",
      );
  const { problems } = checkSources(body, overlays);
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first !== undefined)
    throw new AppError("invalid_input", refusal(first, errors.length), {
      fields: errors.slice(0, PROBLEMS_TOLD_MAX).map((problem) => ({
        pointer: pointerOf(problem, overlays),
        message:
          problem.code === "bad_selector"
            ? problem.message
            : `line ${problem.line}, column ${problem.column}: ${problem.message}`,
      })),
    });
  const kept = overlays.map(({ name, selector, body }) => ({ name, selector, body }));
  return {
    hash: hashOf(body, kept),
    bytes: Buffer.byteLength(body) + kept.reduce((sum, part) => sum + Buffer.byteLength(part.body), 0),
    warnings: problems.length,
    overlays: JSON.stringify(kept),
  };
}

/** A text alone is hashed as it is; a list, which no body can be, keeps a text with overlays apart from every other. */
function hashOf(body: string, overlays: readonly ConfigurationOverlay[]): string {
  const content =
    overlays.length === 0
      ? body
      : JSON.stringify([body, ...overlays.map(({ name, selector, body }) => [name, selector, body])]);
  return createHash("sha256").update(content).digest("hex");
}

function refusal({ code, line, message, overlay }: ConfigurationProblem, errors: number): string {
  const more = errors === 1 ? "" : ` There are ${errors} errors.`;
  if (code === "bad_selector") return `The overlay ${overlay}: ${message}${more}`;
  const where = overlay === null ? `at line ${line}` : `in the overlay ${overlay} at line ${line}`;
  return `A Collector would refuse it, ${where}: ${message}${more}`;
}

function pointerOf(
  { code, overlay }: ConfigurationProblem,
  overlays: readonly ConfigurationOverlay[],
): string {
  if (overlay === null) return "/body";
  const index = overlays.findIndex(({ name }) => name === overlay);
  return `/overlays/${index}/${code === "bad_selector" ? "selector" : "body"}`;
}

export function problemOf({ at, path, ...problem }: Problem | PlacedProblem): ConfigurationProblem {
  return { overlay: null, ...problem, path: [...path], line: at.line, column: at.column };
}
