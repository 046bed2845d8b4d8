import { afterAll, beforeAll, expect, test } from "vitest";
import type { FoundLine, Run } from "@flowplane/contract";
import type { z } from "zod";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { ended, iso, linesOf, running, runWorld, T0, type RunWorld } from "../fixtures.ts";
import { RUNS_PER_READ } from "./limits.ts";

type Line = z.output<typeof FoundLine>;
interface Found {
  items: Line[];
  next_cursor: string | null;
  searched: { runs: number; bytes: number };
}

let world: RunWorld;
let agent: AgentIdentity;
let other: AgentIdentity;
let [first, second]: Run[] = [];
beforeAll(async () => {
  world = await runWorld();
  agent = await world.addAgent();
  other = await world.addAgent({ name: "edge-2" });
  first = await runWith(agent, (seq) =>
    seq % 10 === 0 ? `\u001b[31mDisk FULL\u001b[0m on ${seq}` : `line ${seq}`,
  );
  second = await runWith(other, (seq) => (seq === 77 ? "the disk is full again" : `line ${seq}`));
});
afterAll(() => world[Symbol.asyncDispose]());

/** A run of 100 lines in two segments. Line n is of the n-th millisecond. */
async function runWith(of: AgentIdentity, text: (seq: number) => string): Promise<Run> {
  const run = await world.launch({ agent_id: of.agent_id, name: `run of ${of.name}` });
  await world.report(of, running(run.id));
  await world.upload(of, run.id, 2, linesOf(51, 100, text));
  await world.upload(of, run.id, 1, linesOf(1, 50, text));
  await world.report(of, ended(run.id, {}, T0 + 200, 100));
  return run;
}

const search = async (query: string) => (await world.call("GET", `/logs/search?${query}`)).body as Found;
const seqs = (found: Found) =>
  found.items.map(({ run_id, line }) => [run_id === first?.id ? 1 : 2, line.seq]);

test("lines of all runs, newest run first, each run's in order, as they are read", async () => {
  const found = await search("q=disk");
  expect(seqs(found)).toEqual([[2, 77], ...Array.from({ length: 10 }, (_, index) => [1, (index + 1) * 10])]);
  expect(found.items[0]).toMatchObject({
    run_name: "run of edge-2",
    line: { text: "the disk is full again" },
  });
  expect(found).toMatchObject({ next_cursor: null, searched: { runs: 2 } });
  expect(found.searched.bytes).toBeGreaterThan(1_000);
  expect((await search("q=Disk%20FULL%20on%2030")).items).toHaveLength(1);
});

test("pages go on where the last one stopped, in the middle of a run too, and repeat nothing", async () => {
  const seen: number[][] = [];
  let cursor: string | null = "";
  for (let page = 0; cursor !== null && page < 20; page += 1) {
    const found: Found = await search(`q=disk&limit=3${cursor === "" ? "" : `&cursor=${cursor}`}`);
    seen.push(...seqs(found));
    cursor = found.next_cursor;
  }
  expect(seen).toEqual(seqs(await search("q=disk")));
});

test("by time, agent and site; another organization finds nothing", async () => {
  expect(seqs(await search(`q=disk&agent_id=${other.agent_id}`))).toEqual([[2, 77]]);
  expect(seqs(await search(`q=disk&from=${iso(T0 + 60)}&to=${iso(T0 + 80)}`))).toEqual([
    [2, 77],
    [1, 60],
    [1, 70],
    [1, 80],
  ]);
  expect(seqs(await search(`q=disk&from=${iso(T0 + 1_000_000)}`))).toEqual([]);
  expect(seqs(await search(`q=disk&to=${iso(T0 - 1_000)}`))).toEqual([]);
  expect((await search(`q=disk&site_id=${world.siteId}`)).items).toHaveLength(11);
  const { actor } = await world.neighbour();
  expect((await world.call("GET", "/logs/search?q=disk", undefined, actor)).body.items).toEqual([]);
});

test("more runs than are read at a time are all looked through", async () => {
  const { ctx, siteId, actor } = await world.neighbour();
  const far = await world.addAgent({
    name: "far",
    organization: { organizationId: ctx.actor.organization_id, siteId },
  });
  for (let index = 0; index < RUNS_PER_READ + 5; index += 1) {
    const { body } = await world.call("POST", "/runs", { command: "/bin/sh", agent_id: far.agent_id }, actor);
    await world.upload(
      far,
      body.id,
      1,
      linesOf(1, 2, () => "needle"),
    );
  }
  const { body } = await world.call("GET", "/logs/search?q=needle&limit=1000", undefined, actor);
  expect(body.items).toHaveLength(2 * (RUNS_PER_READ + 5));
  expect(body.next_cursor).toBeNull();
  expect(second?.id).not.toBe(first?.id);
});
