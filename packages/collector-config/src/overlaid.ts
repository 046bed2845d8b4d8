import { checkPart, checkRead, type Checked } from "./check.ts";
import { layOver } from "./merge.ts";
import { PROBLEMS_MAX } from "./limits.ts";
import type { Problem } from "./problem.ts";
import { readConfig, type Section } from "./read.ts";

/** A problem with the overlay whose text its place is in; null where that is the body. */
export interface PlacedProblem extends Problem {
  readonly overlay: string | null;
}

export interface CheckedOverlaid extends Omit<Checked, "problems"> {
  readonly problems: readonly PlacedProblem[];
  /** Of the overlays that can be read. */
  readonly overlays: readonly Section[];
}

/**
 * A body and the overlays on it. Each overlay is checked as a part, and then as what comes of it when it alone is laid
 * over the body: of that, only what the body does not have by itself is told, at the nearest place in the overlay.
 * Which overlays come together depends on the agent, so what they do to each other is seen when they are composed.
 */
export function checkOverlaid(
  text: string,
  overlays: readonly { readonly name: string; readonly body: string }[],
): CheckedOverlaid {
  const { read: body, problems: unreadable } = readConfig(text);
  const checked = body === null ? { problems: unreadable, config: null, model: null } : checkRead(body);
  const problems: PlacedProblem[] = checked.problems.map((problem) => ({ ...problem, overlay: null }));
  const ofBody = new Set(checked.problems.map(keyOf));
  const values: Section[] = [];
  for (const { name, body: part } of overlays) {
    const { read, problems: broken } = readConfig(part);
    const found: Problem[] = read === null ? broken.map(ofOverlay) : [...checkPart(read)];
    if (read !== null) values.push(read.value);
    if (read !== null && body !== null) {
      const known = new Set([...ofBody, ...found.map(keyOf)]);
      const merged = checkRead({ value: layOver([body.value, read.value]), position: read.position });
      found.push(...merged.problems.filter((problem) => !known.has(keyOf(problem))));
    }
    problems.push(
      ...found
        .slice(0, PROBLEMS_MAX - Math.min(problems.length, PROBLEMS_MAX))
        .map((problem) => ({ ...problem, overlay: name })),
    );
  }
  return { ...checked, problems, overlays: values };
}

function keyOf({ code, path, message }: Problem): string {
  return JSON.stringify([code, path, message]);
}

function ofOverlay(problem: Problem): Problem {
  return problem.code === "empty"
    ? { ...problem, message: "The overlay is empty; it would change nothing." }
    : problem;
}
