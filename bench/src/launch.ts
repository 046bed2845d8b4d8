import type { Bench } from "./bench.ts";
import { runBurst } from "./burst.ts";
import { progress } from "./machine.ts";
import { watchLines } from "./log-stream.ts";
import { percentiles } from "./percentiles.ts";
import { startWithAgent } from "./site-agent.ts";

/**
 * Launch latency, one run at a time: from the POST to its answer, and from the POST to the first byte of the process's
 * output at a client of the live log. Then a burst at a fixed rate: none may be lost.
 */
export const bench: Bench = {
  options: { launches: 200, warmups: 10, burst: 1_000, per_minute: 1_000, drain_seconds: 120 },
  async run({ launches = 0, warmups = 0, burst = 0, per_minute = 1, drain_seconds = 0 }) {
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
      const outcome =
        burst === 0
          ? null
          : await runBurst(plane, agentId, {
              count: burst,
              perMinute: per_minute,
              drainMs: drain_seconds * 1_000,
            });
      return { accepted: percentiles(accepted), first_byte: percentiles(firstByte), burst: outcome };
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};
