import { createHash } from "node:crypto";
import { checkConfig, type Problem } from "@flowplane/collector-config";
import type { ConfigurationProblem } from "@flowplane/contract";
import { AppError } from "../../platform/errors.ts";

/** Problems named in a refusal; the check names all. */
const PROBLEMS_TOLD_MAX = 20;

export interface JudgedText {
  readonly hash: string;
  readonly bytes: number;
  readonly warnings: number;
}

/** What is kept about a text that may be saved. Throws `invalid_input` with every place that a Collector would refuse. */
export function judgeText(body: string): JudgedText {
  // No text in the database holds a NUL or half a character.
  if (!body.isWellFormed() || body.includes("\0"))
    throw new AppError(
      "invalid_input",
      "The configuration holds a NUL or half a character. Save it as UTF-8.",
    );
  const { problems } = checkConfig(body);
  const errors = problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  if (first !== undefined)
    throw new AppError(
      "invalid_input",
      `A Collector would refuse it, at line ${first.at.line}: ${first.message}${errors.length === 1 ? "" : ` There are ${errors.length} errors.`}`,
      {
        fields: errors.slice(0, PROBLEMS_TOLD_MAX).map(({ at, message }) => ({
          pointer: "/body",
          message: `line ${at.line}, column ${at.column}: ${message}`,
        })),
      },
    );
  return {
    hash: createHash("sha256").update(body).digest("hex"),
    bytes: Buffer.byteLength(body),
    warnings: problems.length,
  };
}

export function problemOf({ at, path, ...problem }: Problem): ConfigurationProblem {
  return { ...problem, path: [...path], line: at.line, column: at.column };
}
