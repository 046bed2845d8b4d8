import type { Bench } from "./bench.ts";
import { percentiles } from "./percentiles.ts";
import { startWithAgent } from "./site-agent.ts";
import { watchLines } from "./log-stream.ts";

const TICKER = `
const [count, everyMs] = process.argv.slice(1).map(Number);
let sent = 0;
const timer = setInterval(() => {
  require("node:fs").writeSync(1, String(performance.timeOrigin + performance.now()) + "\\n");
  sent += 1;
  if (sent === count) clearInterval(timer);
}, everyMs);
`;

/** Live tail: from the process's write to a watching client, line by line. */
export const bench: Bench = {
  options: { lines: 1_000, every_ms: 10, skip: 50 },
  async run({ lines = 0, every_ms = 1, skip = 0 }) {
    const { plane, agentId } = await startWithAgent();
    try {
      const run = await plane.client.runCreate({
        body: {
          command: process.execPath,
          args: ["-e", TICKER, String(lines), String(every_ms)],
          agent_id: agentId,
        },
      });
      const latencies: number[] = [];
      for await (const { line, at } of watchLines(plane, run.id, AbortSignal.timeout(120_000))) {
        // The first lines are from before the client watched.
        if (line.seq > skip) latencies.push(performance.timeOrigin + at - Number(line.text));
      }
      return { write_to_client: percentiles(latencies), lines_lost: lines - skip - latencies.length };
    } finally {
      await plane[Symbol.asyncDispose]();
    }
  },
};
