import type { Target } from "./target.ts";
import { Failed, NotApplicable } from "./verdict.ts";

/** Whether the specification says it, or a client that is in use forces it. */
export type Source = "spec" | "[I]";

export interface Row {
  readonly row: number;
  readonly source: Source;
  /** What the server has to do, as a sentence without a subject. */
  readonly what: string;
  /**
   * Says what was observed. Throws `Failed` where the server does otherwise, `NotApplicable` where this server cannot be
   * judged by it.
   */
  readonly check: (target: Target) => Promise<string>;
}

export interface Outcome {
  readonly row: number;
  readonly source: Source;
  readonly what: string;
  readonly result: "pass" | "fail" | "skip";
  readonly why: string;
}

export async function judge({ row, source, what, check }: Row, target: Target): Promise<Outcome> {
  const known = { row, source, what };
  try {
    const observed = await check(target);
    if (observed === "") throw new Error(`row ${row} passed without saying what was observed`);
    return { ...known, result: "pass", why: observed };
  } catch (error) {
    if (error instanceof NotApplicable) return { ...known, result: "skip", why: error.message };
    if (error instanceof Failed) return { ...known, result: "fail", why: error.message };
    return { ...known, result: "fail", why: `could not be judged: ${String(error)}` };
  } finally {
    target.closeAll();
  }
}
