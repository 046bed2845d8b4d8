import { eventually } from "@flowplane/test/harness";
import { isTerminal } from "@flowplane/contract";
import type { Bench } from "./bench.ts";
import { progress, round } from "./machine.ts";
import { watchLines } from "./log-stream.ts";
import { percentiles } from "./percentiles.ts";
import { startWithAgent } from "./site-agent.ts";

/**
 * Launch latency, one run at a time: from the POST to its answer, and from the POST to the first byte of the process's
 * output at a client of the live log. Then a burst at a fixed rate: none may be lost.
 */
export const bench: Bench = {
  options: { launches: 200, warmups: 10, burst: 1_000, per_minute: 1_000 },
  async run({ launches = 0, warmups = 0, burst = 0, per_minute = 1 }) {
    const { plane, agentId } = await startWithAgent();
    try {
      const accepted: number[] = [];
      const firstByte: number[] = [];
      for (let index = 0; index < warmups + launches; index += 1) {
        const start = performance.now();
        const run = await plane.client.runCreate({
          body: { command: "/bin/echo", args: ["hello"], agent_id: agentId },
        });
        const answered = performance.now();
        const stop = new AbortController();
        for await (const { at } of watchLines(plane, run.id, stop.signal)) {
          if (index >= warmups) {
            accepted.push(answered - start);
            firstByte.push(at - start);
          }
          break;
        }
        stop.abort();
      }
      progress("launches measured; burst next");
      const outcome = burst === 0 ? null : await runBurst(burst, per_minute);
      return { accepted: percentiles(accepted), first_byte: percentiles(firstByte), burst: outcome };

      async function runBurst(count: number, perMinute: number) {
        const start = performance.now();
        const latencies: number[] = [];
        const ids = await Promise.all(
          Array.from({ length: count }, async (_, index) => {
            await new Promise((resolve) => setTimeout(resolve, (index * 60_000) / perMinute));
            const sent = performance.now();
            const run = await plane.client.runCreate({
              body: { command: "/bin/echo", args: [`burst ${index}`], agent_id: agentId },
            });
            latencies.push(performance.now() - sent);
            return run.id;
          }),
        );
        const ends = await eventually(
          "all runs of the burst to end",
          async () => {
            const runs = [];
            for (const id of ids.slice(-20))
              runs.push(await plane.client.runRead({ params: { run_id: id } }));
            return runs.every((run) => isTerminal(run.state)) ? performance.now() : undefined;
          },
          120_000,
        );
        const states: Record<string, number> = {};
        for (const id of ids) {
          const { state, log } = await eventually("the log of a run to be complete", async () => {
            const run = await plane.client.runRead({ params: { run_id: id } });
            return run.log.complete ? run : undefined;
          });
          const key = log.lines === 1 ? state : `${state} with ${log.lines} lines`;
          states[key] = (states[key] ?? 0) + 1;
        }
        return {
          runs: count,
          states,
          seconds: round((ends - start) / 1000),
          accepted: percentiles(latencies),
        };
      }
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};
