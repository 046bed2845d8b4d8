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
        "holder_gone": "refuse",
        "place": "refuse",
        "running": "stale",
        "start_overdue": "refuse",
        "starting": "stale",
        "stop": "refuse",
        "stop_overdue": "refuse",
        "stopping": "stale",
        "unlaunchable": "refuse",
        "withdraw": "refuse",
      },
      "PRESUMED": {
        "agent_gone": "refuse",
        "ended": "SUCCEEDED",
        "holder_gone": "refuse",
        "place": "refuse",
        "running": "RUNNING",
        "start_overdue": "refuse",
        "starting": "STARTING",
        "stop": "refuse",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "unlaunchable": "refuse",
        "withdraw": "refuse",
      },
      "QUEUED": {
        "agent_gone": "FAILED",
        "ended": "SUCCEEDED",
        "holder_gone": "LOST",
        "place": "refuse",
        "running": "RUNNING",
        "start_overdue": "LOST",
        "starting": "STARTING",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "unlaunchable": "refuse",
        "withdraw": "STOPPED",
      },
      "RUNNING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "holder_gone": "LOST",
        "place": "refuse",
        "running": "stale",
        "start_overdue": "refuse",
        "starting": "stale",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "unlaunchable": "refuse",
        "withdraw": "refuse",
      },
      "STARTING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "holder_gone": "LOST",
        "place": "refuse",
        "running": "RUNNING",
        "start_overdue": "LOST",
        "starting": "stay",
        "stop": "STOPPING",
        "stop_overdue": "refuse",
        "stopping": "STOPPING",
        "unlaunchable": "refuse",
        "withdraw": "refuse",
      },
      "STOPPING": {
        "agent_gone": "LOST",
        "ended": "SUCCEEDED",
        "holder_gone": "LOST",
        "place": "refuse",
        "running": "stay",
        "start_overdue": "refuse",
        "starting": "stay",
        "stop": "stay",
        "stop_overdue": "FAILED_STOP",
        "stopping": "stay",
        "unlaunchable": "refuse",
        "withdraw": "STOPPED",
      },
      "WAITING": {
        "agent_gone": "refuse",
        "ended": "stale",
        "holder_gone": "refuse",
        "place": "QUEUED",
        "running": "stale",
        "start_overdue": "refuse",
        "starting": "stale",
        "stop": "STOPPED",
        "stop_overdue": "refuse",
        "stopping": "stale",
        "unlaunchable": "FAILED",
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
    const run = { state, stop: null, agent_id: "a" };
    expect(standingOf({ ...run, log_last_seq: null })).toBe(isTerminal(state) ? "PRESUMED" : state);
    expect(standingOf({ ...run, log_last_seq: 0 })).toBe(isTerminal(state) ? "ENDED" : state);
    // Without an agent nobody can correct an end.
    if (isTerminal(state)) expect(standingOf({ ...run, agent_id: null, log_last_seq: null })).toBe("ENDED");
  }
});

test("an end can only be reported as an end", () => {
  expect(() => transition(example("RUNNING", null), "ended", "RUNNING")).toThrow("RUNNING is no end");
});

const EVIDENCE: readonly RunInput[] = ["starting", "running", "stopping", "ended"];
const ORDER: readonly RunState[] = ["QUEUED", "STARTING", "RUNNING", "STOPPING"];

/** What somebody who watches a run from outside would keep in mind: nothing but a few yes and no. */
interface Model {
  hasAgent: boolean;
  isProven: boolean;
  isCertain: boolean;
}

interface Real {
  run: RunStanding;
}

/** One input, checked against the model before and after. */
class Happening implements fc.Command<Model, Real> {
  readonly #input: RunInput;
  readonly #reported: RunState;

  constructor(input: RunInput, reported: RunState) {
    this.#input = input;
    this.#reported = reported;
  }

  check(): boolean {
    return true;
  }

  run(model: Model, real: Real): void {
    const [input, before] = [this.#input, real.run];
    const step = transition(before, input, this.#reported);
    const after = apply(before, input, step.kind === "move" ? step.to : null);
    real.run = after;
    const isEvidence = EVIDENCE.includes(input);

    // An end that is proven or certain is never left, and nothing adds to it.
    if (model.isProven || model.isCertain) expect(after).toEqual(before);
    // Without an agent there is nothing but waiting, or a certain end; reports say nothing about it.
    if (!model.hasAgent) {
      expect(["QUEUED", "STOPPED", "FAILED"]).toContain(after.state);
      if (isEvidence) expect(after).toEqual(before);
    }
    // Only finding an agent gives it one, and it keeps that.
    if (after.agent_id !== before.agent_id) expect([before.agent_id, input]).toEqual([null, "place"]);
    // A presumed end is left by evidence alone.
    if (isTerminal(before.state) && after.state !== before.state) expect(isEvidence).toBe(true);
    // What the agent reports as the end is never lost, unless an end was proven before.
    if (input === "ended" && model.hasAgent && !model.isProven) expect(after.state).toBe(this.#reported);
    // An active run never goes back.
    if (!isTerminal(before.state) && !isTerminal(after.state))
      expect(ORDER.indexOf(after.state)).toBeGreaterThanOrEqual(ORDER.indexOf(before.state));
    // Nobody but its agent says that it runs.
    if (after.state === "RUNNING" && before.state !== "RUNNING") expect(input).toBe("running");
    // Once somebody wants it stopped, it is never shown as if nobody did.
    if (after.stop !== null) expect(["QUEUED", "STARTING", "RUNNING"]).not.toContain(after.state);

    if (input === "place" && step.kind === "move") model.hasAgent = true;
    if (input === "ended" && step.kind === "move") model.isProven = true;
    if (!model.hasAgent && isTerminal(after.state)) model.isCertain = true;
    expect(standingOf(after) === "ENDED").toBe(model.isProven || model.isCertain);
  }

  toString(): string {
    return this.#input === "ended" ? `ended ${this.#reported}` : this.#input;
  }
}

test("whatever happens, in whatever order and however often: one proven end, and it is the last", () => {
  const commands = fc.commands(
    RUN_INPUTS.flatMap((input) =>
      input === "ended"
        ? TERMINAL_RUN_STATES.map((reported) => fc.constant(new Happening(input, reported)))
        : [fc.constant(new Happening(input, "LOST"))],
    ),
    { maxCommands: 60 },
  );
  fc.assert(
    fc.property(commands, fc.boolean(), (happenings, hasAgent) => {
      fc.modelRun(
        () => ({
          model: { hasAgent, isProven: false, isCertain: false },
          real: {
            run: {
              state: "QUEUED" as RunState,
              agent_id: hasAgent ? "a" : null,
              log_last_seq: null,
              stop: null,
            },
          },
        }),
        happenings,
      );
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
        fc.constantFrom<RunInput>("place", "stop", "withdraw", "start_overdue", "stop_overdue", "agent_gone"),
      ),
      { maxLength: 12 },
    ),
    isRepeated: fc.boolean(),
  });
  fc.assert(
    fc.property(reports, ({ until, reported, noise, isRepeated }) => {
      let run: RunStanding = { state: "QUEUED", agent_id: null, log_last_seq: null, stop: null };
      const happen = (input: RunInput) => {
        const step = transition(run, input, reported);
        run = apply(run, input, step.kind === "move" ? step.to : null);
      };
      happen("place");
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

/** What the callers of the table write for each input; kept to the columns it reads beside the state. */
function apply(run: RunStanding, input: RunInput, to: RunState | null): RunStanding {
  if (to === null) return run;
  const stop = input === "stop" || input === "withdraw" ? { mode: "stop" } : run.stop;
  const agentId = input === "place" ? "a" : run.agent_id;
  const lastSeq = input === "ended" || (agentId === null && isTerminal(to)) ? 0 : null;
  return { state: to, agent_id: agentId, stop, log_last_seq: lastSeq };
}

function example(standing: Standing, stop: unknown): RunStanding {
  const run = { stop, agent_id: standing === "WAITING" ? null : "a", log_last_seq: null };
  if (standing === "WAITING") return { ...run, state: "QUEUED" };
  if (standing === "PRESUMED") return { ...run, state: "LOST" };
  if (standing === "ENDED") return { ...run, state: "FAILED", log_last_seq: 7 };
  return { ...run, state: standing };
}

function word(step: ReturnType<typeof transition>): string {
  return step.kind === "move" ? step.to : step.kind;
}
