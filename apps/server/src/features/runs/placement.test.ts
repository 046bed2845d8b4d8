import fc from "fast-check";
import { expect, test } from "vitest";
import { place, placementKey, type Candidate, type WaitingRun } from "./placement.ts";

const NOTHING = { organization: 0, byAgent: new Map(), byJob: new Map() };

function waiting(id: string, change: Partial<WaitingRun> = {}): WaitingRun {
  return { id, job_id: null, jobRunsMax: 1, isAlone: false, placement: {}, ...change };
}

function agent(id: string, runsMax = 10): Candidate {
  return { id, name: `agent ${id}`, site_id: "s", runsMax };
}

test("the least loaded agent gets the run, of several the one with the smallest id; each run counts for the next", () => {
  const load = { ...NOTHING, byAgent: new Map([["a", 1]]) };
  const runs = ["1", "2", "3", "4"].map((id) => waiting(id));
  const { placed } = place(runs, () => [agent("c"), agent("a"), agent("b")], load, 100);
  expect(placed.map(({ run, agent }) => run.id + agent.id)).toEqual(["1b", "2c", "3a", "4b"]);
});

test("what each waits for is said", () => {
  const busy = {
    organization: 7,
    byAgent: new Map([
      ["a", 2],
      ["b", 1],
    ]),
    byJob: new Map([
      ["j", 2],
      ["k", 1],
    ]),
  };
  const words = (run: Partial<WaitingRun>, candidates: Candidate[], organizationMax = 100) =>
    place([waiting("1", run)], () => candidates, busy, organizationMax).held[0]?.waitsFor;
  expect(words({ job_id: "j", jobRunsMax: 2 }, [agent("a")])).toBe("one of the 2 runs of this job to end");
  expect(words({ job_id: "k" }, [agent("a")])).toBe("the run of this job that is under way to end");
  expect(words({ job_id: "k", jobRunsMax: 5, isAlone: true }, [agent("a")])).toBe(
    "the run of this job that is under way to end",
  );
  expect(words({}, [agent("a")], 7)).toBe("one of the 7 runs of this organization to end");
  expect(words({ placement: { labels: { gpu: "a100" } } }, [])).toBe(
    "an agent with labels gpu=a100; none is connected",
  );
  expect(words({}, [])).toBe("a site agent; none is connected");
  expect(words({ placement: { site_id: "s" } }, [])).toBe("a site agent in its site; none is connected");
  expect(words({}, [agent("a", 2)])).toBe("one of the 2 runs on agent a to end");
  expect(words({}, [agent("a", 2), agent("b", 1)])).toBe(
    "room on one of the 2 agents that fit; each runs as much as it may",
  );
});

test("a run that cannot go holds back those of its job and nobody else", () => {
  const none = { labels: { gpu: "a100" } };
  const { placed, held } = place(
    [
      waiting("1", { job_id: "j", jobRunsMax: 3, placement: none }),
      waiting("2", { job_id: "j", jobRunsMax: 3 }),
      waiting("3"),
    ],
    (placement) => (placement === none ? [] : [agent("a")]),
    NOTHING,
    100,
  );
  expect(placed.map(({ run }) => run.id)).toEqual(["3"]);
  expect(held.map(({ waitsFor }) => waitsFor)).toEqual([
    "an agent with labels gpu=a100; none is connected",
    "the run of this job before it to start",
  ]);
});

test("labels in any order are the same placement", () => {
  expect(placementKey({ labels: { a: "1", b: "2" } })).toBe(placementKey({ labels: { b: "2", a: "1" } }));
});

test("whatever waits: no limit is passed, nobody of a job overtakes, and nobody waits for nothing", () => {
  const ids = fc.constantFrom("a", "b", "c");
  const scene = fc.record({
    runs: fc.array(
      fc.record({
        job_id: fc.option(fc.constantFrom("j", "k"), { nil: null }),
        jobRunsMax: fc.integer({ min: 1, max: 4 }),
        isAlone: fc.boolean(),
        placement: fc.option(ids, { nil: null }),
      }),
      { maxLength: 30 },
    ),
    agents: fc.uniqueArray(fc.tuple(ids, fc.integer({ min: 0, max: 4 })), { selector: ([id]) => id }),
    byAgent: fc.dictionary(ids, fc.nat({ max: 3 })),
    byJob: fc.dictionary(fc.constantFrom("j", "k"), fc.nat({ max: 3 })),
    organizationMax: fc.nat({ max: 20 }),
  });
  fc.assert(
    fc.property(scene, ({ runs, agents, byAgent, byJob, organizationMax }) => {
      const waitingRuns = runs.map((run, index) =>
        waiting(String(index), {
          ...run,
          placement: run.placement === null ? {} : { agent_id: run.placement },
        }),
      );
      const candidates = agents.map(([id, runsMax]) => agent(id, runsMax));
      const before = Object.values(byAgent).reduce((sum, count) => sum + count, 0);
      const load = {
        organization: before,
        byAgent: new Map(Object.entries(byAgent)),
        byJob: new Map(Object.entries(byJob)),
      };
      const fits = ({ placement }: WaitingRun) =>
        candidates.filter(({ id }) => placement.agent_id === undefined || placement.agent_id === id);
      const { placed, held } = place(
        waitingRuns,
        (placement) => fits(waiting("", { placement })),
        load,
        organizationMax,
      );

      expect([...placed, ...held].map(({ run }) => run.id).toSorted()).toEqual(
        waitingRuns.map(({ id }) => id).toSorted(),
      );
      expect(placed.length).toBeLessThanOrEqual(Math.max(0, organizationMax - before));
      for (const { id, runsMax } of candidates) {
        const given = placed.filter(({ agent }) => agent.id === id).length;
        if (given > 0) expect((byAgent[id] ?? 0) + given).toBeLessThanOrEqual(runsMax);
      }
      for (const { run, agent } of placed) expect(fits(run)).toContain(agent);
      for (const job of ["j", "k"]) {
        const ofJob = waitingRuns.filter(({ job_id }) => job_id === job);
        const given = placed.filter(({ run }) => run.job_id === job).map(({ run }) => run);
        // Oldest first, without gaps.
        expect(given.map(({ id }) => id)).toEqual(ofJob.slice(0, given.length).map(({ id }) => id));
        for (const [index, run] of given.entries())
          expect((byJob[job] ?? 0) + index).toBeLessThan(run.isAlone ? 1 : run.jobRunsMax);
      }
      // Whoever is of no job and could go has gone.
      const full = before + placed.length >= organizationMax;
      for (const { run } of held) {
        if (run.job_id !== null || full) continue;
        for (const { id, runsMax } of fits(run))
          expect(
            (byAgent[id] ?? 0) + placed.filter(({ agent }) => agent.id === id).length,
          ).toBeGreaterThanOrEqual(runsMax);
      }
    }),
    { numRuns: 1_000 },
  );
});
