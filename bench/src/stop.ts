import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { percentiles } from "./percentiles.ts";
import { startWithAgent } from "./site-agent.ts";

/** Writes as many MB a second as asked and, at SIGTERM, the moment it came. Same machine, same clock. */
const NOISY = `
const { writeFileSync, writeSync } = require("node:fs");
const [file, rate] = process.argv.slice(1);
const chunk = Buffer.alloc(64 * 1024, "0123456789abcdef".repeat(7) + "0123456789abcde\\n");
process.on("SIGTERM", () => { writeFileSync(file, String(performance.timeOrigin + performance.now())); process.exit(0); });
let written = 0;
const start = performance.now();
setInterval(() => {
  const due = ((performance.now() - start) / 1000) * rate * 1e6;
  while (written < due) written += writeSync(1, chunk);
}, 5);
`;

/** Stop latency under a log burst: from the API call to the signal at the process. */
export const bench: Bench = {
  options: { stops: 20, mb_per_second: 20, settle_ms: 2_000 },
  async run({ stops = 0, mb_per_second = 0, settle_ms = 0 }) {
    const { plane, agentId } = await startWithAgent();
    const folder = mkdtempSync(join(tmpdir(), "flowplane-bench-"));
    try {
      const latencies: number[] = [];
      const answers: number[] = [];
      for (let index = 0; index < stops; index += 1) {
        const file = join(folder, String(index));
        const run = await plane.client.runCreate({
          body: {
            command: process.execPath,
            args: ["-e", NOISY, file, String(mb_per_second)],
            agent_id: agentId,
          },
        });
        await eventually("the run to start", async () => {
          const { state } = await plane.client.runRead({ params: { run_id: run.id } });
          return state === "RUNNING" ? state : undefined;
        });
        await new Promise((resolve) => setTimeout(resolve, settle_ms));
        const called = performance.timeOrigin + performance.now();
        await plane.client.runStop({ params: { run_id: run.id }, body: { reason: "bench" } });
        answers.push(performance.timeOrigin + performance.now() - called);
        const signalled = await eventually("the signal", () => {
          try {
            return Number(readFileSync(file, "utf8")) || undefined;
          } catch {
            return undefined;
          }
        });
        latencies.push(signalled - called);
        await eventually("the run to end", async () => {
          const { state } = await plane.client.runRead({ params: { run_id: run.id } });
          return state === "STOPPED" ? state : undefined;
        });
      }
      return { call_to_signal: percentiles(latencies), call_to_answer: percentiles(answers) };
    } finally {
      await plane[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};
