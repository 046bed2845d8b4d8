import fc from "fast-check";
import { expect, test } from "vitest";
import { isTerminal, RUN_STATES, TERMINAL_RUN_STATES, type RunState } from "@flowplane/contract";
import {
  RUN_INPUTS,
  STANDINGS,
  standingOf,
  transition,
  type RunInput,
  type RunStanding,
  type Standing,
} from "./transitions.ts";

test("the whole table", () => {
  const table = STANDINGS.map((standing) => [
    standing,
    Object.fromEntries(
      RUN_INPUTS.map((input) => [input, word(transition(example(standing, null), input, "SUCCEEDED"))]),
    ),
  ]);
  expect(Object.fromEntries(table)).toMatchInlineSnapshot(`
    {
      "ENDED": {
        "agent_gone": "refuse",
        "ended": "stale",
        "running": "stale",
        "start_overdue": "refuse",
        "starting": "stale",
        "stop": "refuse",
        "stop_overdue": "refuse",
        "stopping": "stale",
        "withdraw": "refuse",
      },
      "PRESUMED": {
        "agent_gone": "refuse",
        "ended": "SUCCEEDED",
        "running": "RUNNING",
        "start_overdue": "refuse",
        "starting": "STARTING",
        "stop": "refuse",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "withdraw": "refuse",
      },
      "QUEUED": {
        "agent_gone": "FAILED",
        "ended": "SUCCEEDED",
        "running": "RUNNING",
        "start_overdue": "LOST",
        "starting": "STARTING",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "withdraw": "STOPPED",
      },
      "RUNNING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "running": "stale",
        "start_overdue": "refuse",
        "starting": "stale",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "withdraw": "refuse",
      },
      "STARTING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "running": "RUNNING",
        "start_overdue": "LOST",
        "starting": "stay",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "withdraw": "refuse",
      },
      "STOPPING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "running": "stay",
        "start_overdue": "refuse",
        "starting": "stay",
        "stop": "stay",
        "stop_overdue": "FAILED_STOP",
        "stopping": "stay",
        "withdraw": "STOPPED",
      },
    }
  `);
});

test("a sign of life of a run that somebody wanted stopped makes it STOPPING, not RUNNING", () => {
  const wanted = example("PRESUMED", { mode: "stop" });
  expect(transition(wanted, "starting")).toEqual({ kind: "move", to: "STOPPING" });
  expect(transition(wanted, "running")).toEqual({ kind: "move", to: "STOPPING" });
});

test("a state is an end or is not, and an end is proven or presumed", () => {
  for (const state of RUN_STATES) {
    expect(standingOf({ state, log_last_seq: null, stop: null })).toBe(
      isTerminal(state) ? "PRESUMED" : state,
    );
    expect(standingOf({ state, log_last_seq: 0, stop: null })).toBe(isTerminal(state) ? "ENDED" : state);
  }
});

test("an end can only be reported as an end", () => {
  expect(() => transition(example("RUNNING", null), "ended", "RUNNING")).toThrow("RUNNING is no end");
});

type Happening = { readonly input: RunInput; readonly reported: RunState };

const happening: fc.Arbitrary<Happening> = fc.record({
  input: fc.constantFrom(...RUN_INPUTS),
  reported: fc.constantFrom(...TERMINAL_RUN_STATES),
});

const EVIDENCE: readonly RunInput[] = ["starting", "running", "stopping", "ended"];
const ORDER: readonly RunState[] = ["QUEUED", "STARTING", "RUNNING", "STOPPING"];

test("whatever happens, in whatever order and however often: one proven end, and it is the last", () => {
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 40 }), (happenings) => {
      let run: RunStanding = { state: "QUEUED", log_last_seq: null, stop: null };
      let provenEnds = 0;
      for (const { input, reported } of happenings) {
        const before = run;
        const step = transition(run, input, reported);
        run = apply(run, input, step.kind === "move" ? step.to : null);
        const standing = standingOf(before);

        if (standing === "ENDED") expect(run).toEqual(before);
        if (step.kind === "move" && input === "ended") provenEnds += 1;
        // A presumed end is left by evidence alone.
        if (standing === "PRESUMED" && step.kind === "move") expect(EVIDENCE).toContain(input);
        // An active run never goes back.
        if (!isTerminal(before.state) && !isTerminal(run.state))
          expect(ORDER.indexOf(run.state)).toBeGreaterThanOrEqual(ORDER.indexOf(before.state));
        // What the agent reports as the end is never lost, unless an end was proven before.
        if (input === "ended" && standing !== "ENDED") expect(run.state).toBe(reported);
        // Once somebody wants it stopped, it is never shown as if nobody did.
        if (run.stop !== null) expect(["QUEUED", "STARTING", "RUNNING"]).not.toContain(run.state);
      }
      expect(provenEnds).toBeLessThanOrEqual(1);
      expect(provenEnds === 1).toBe(standingOf(run) === "ENDED");
    }),
    { numRuns: 2_000 },
  );
});

test("the agent's reports in their own order end as reported, whatever is mixed in and repeated", () => {
  const reports = fc.record({
    until: fc.integer({ min: 1, max: 4 }),
    reported: fc.constantFrom(...TERMINAL_RUN_STATES),
    noise: fc.array(
      fc.tuple(
        fc.nat({ max: 4 }),
        fc.constantFrom<RunInput>("stop", "withdraw", "start_overdue", "stop_overdue", "agent_gone"),
      ),
      { maxLength: 12 },
    ),
    isRepeated: fc.boolean(),
  });
  fc.assert(
    fc.property(reports, ({ until, reported, noise, isRepeated }) => {
      let run: RunStanding = { state: "QUEUED", log_last_seq: null, stop: null };
      const happen = (input: RunInput) => {
        const step = transition(run, input, reported);
        run = apply(run, input, step.kind === "move" ? step.to : null);
      };
      for (const [index, input] of EVIDENCE.entries()) {
        for (const [at, mixedIn] of noise) if (at === index) happen(mixedIn);
        if (index >= until && input !== "ended") continue;
        happen(input);
        if (isRepeated) happen(input);
      }
      for (const [at, mixedIn] of noise) if (at === EVIDENCE.length) happen(mixedIn);
      expect(run.state).toBe(reported);
      expect(standingOf(run)).toBe("ENDED");
    }),
    { numRuns: 2_000 },
  );
});

/** What the callers of the table write for each input; kept to the two columns it reads beside the state. */
function apply(run: RunStanding, input: RunInput, to: RunState | null): RunStanding {
  if (to === null) return run;
  const stop = input === "stop" || input === "withdraw" ? { mode: "stop" } : run.stop;
  return { state: to, stop, log_last_seq: input === "ended" ? 0 : null };
}

function example(standing: Standing, stop: unknown): RunStanding {
  if (standing === "PRESUMED") return { state: "LOST", log_last_seq: null, stop };
  if (standing === "ENDED") return { state: "FAILED", log_last_seq: 7, stop };
  return { state: standing, log_last_seq: null, stop };
}

function word(step: ReturnType<typeof transition>): string {
  return step.kind === "move" ? step.to : step.kind;
}
