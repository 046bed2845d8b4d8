import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, startControlPlane, startSiteAgent } from "@flowplane/test/harness";
import type { ControlPlane, SiteAgent } from "@flowplane/test/harness";
import type { Bench } from "./bench.ts";
import { writeLogText } from "./log-text.ts";
import { progress, round, usageOf } from "./machine.ts";

type Measured = {
  mb_per_second: number;
  seconds: number;
  agent_cpu_seconds: number;
  agent_peak_rss_mb: number;
};

/**
 * From a child that writes as fast as it can to segments on this host and at the control plane, redaction and detection on, with
 * the agent on all cores and, with its job, on one; beside `cat | zstd -1`, which does nothing but compress. The long run shows
 * whether memory grows with the log.
 */
export const bench: Bench = {
  options: { megabytes: 100, long_megabytes: 1000, repeats: 3 },
  async run({ megabytes = 0, long_megabytes: longMegabytes = 0, repeats = 1 }) {
    const folder = mkdtempSync(join(tmpdir(), "flowplane-bench-"));
    const plane = await startControlPlane({ env: { FLOWPLANE_LOG: "warn" } });
    const agent = await startSiteAgent(plane, "bench");
    try {
      const text = join(folder, "log");
      writeLogText(text, megabytes * 1e6);
      const idle = usageOf(agent.pid());
      const all = await best(repeats, () => measure(plane, agent, text));
      progress(`all cores: ${all.mb_per_second} MB/s`);
      pin(agent.pid(), "0");
      const one = await best(repeats, () => measure(plane, agent, text));
      progress(`one core: ${one.mb_per_second} MB/s`);
      pin(agent.pid(), "0-1023");
      const limit = {
        all_cores: compressOnly(text, []),
        one_core: compressOnly(text, ["taskset", "-c", "0"]),
      };
      let long: Measured | null = null;
      if (longMegabytes > 0) {
        writeLogText(text, longMegabytes * 1e6);
        long = await measure(plane, agent, text);
      }
      return {
        all_cores: all,
        one_core: one,
        cat_zstd_mb_per_second: limit,
        long,
        agent_idle_rss_mb: idle.rss_mb,
      };
    } finally {
      await agent[Symbol.asyncDispose]();
      await plane[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function best(repeats: number, one: () => Promise<Measured>): Promise<Measured> {
  let found = await one();
  for (let i = 1; i < repeats; i += 1) {
    const next = await one();
    if (next.mb_per_second > found.mb_per_second) found = next;
  }
  return found;
}

/** One job that prints the file, from its call to its whole log being at the control plane. */
async function measure(plane: ControlPlane, agent: SiteAgent, text: string): Promise<Measured> {
  const before = usageOf(agent.pid());
  let peak = 0;
  const sampler = setInterval(() => (peak = Math.max(peak, residentMb(agent.pid()))), 50);
  const start = performance.now();
  try {
    const { id } = await plane.client.runCreate({
      body: { command: "cat", args: [text], agent_id: agent.id },
    });
    await eventually(
      "the whole log to be stored",
      async () => ((await plane.client.runRead({ params: { run_id: id } })).log.complete ? true : undefined),
      600_000,
    );
  } catch (error) {
    throw new Error(`the log did not arrive; the agent said: ${agent.output()}`, { cause: error });
  } finally {
    clearInterval(sampler);
  }
  const seconds = (performance.now() - start) / 1000;
  return {
    mb_per_second: round(statSync(text).size / 1e6 / seconds),
    seconds: round(seconds, 2),
    agent_cpu_seconds: round(usageOf(agent.pid()).cpu_seconds - before.cpu_seconds, 2),
    agent_peak_rss_mb: round(peak),
  };
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

function pin(pid: number, cores: string): void {
  const { status, stderr } = spawnSync("taskset", ["-acp", cores, String(pid)], { encoding: "utf8" });
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

/** MB/s of `cat FILE | zstd -1`; null where there is no zstd. */
function compressOnly(text: string, before: string[]): number | null {
  if (spawnSync("zstd", ["--version"]).status !== 0) return null;
  const start = performance.now();
  const script = 'cat "$1" | zstd -1 -q -c > /dev/null';
  if (spawnSync("env", [...before, "sh", "-c", script, "sh", text]).status !== 0)
    throw new Error("zstd failed");
  return round(statSync(text).size / 1e6 / ((performance.now() - start) / 1000));
}
