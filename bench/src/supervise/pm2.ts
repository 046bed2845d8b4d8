import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Candidate } from "./candidate.ts";
import { firstByteOf, runProgram } from "./rival.ts";

interface Pm2 {
  connect(callback: (error: Error | null) => void): void;
  start(options: Record<string, unknown>, callback: (error: Error | null) => void): void;
  stop(name: string, callback: (error: Error | null) => void): void;
  killDaemon(callback: (error: Error | null) => void): void;
  disconnect(): void;
}

/** PM2 from npm, in a folder that goes with it, through its own JavaScript API: its command line takes far longer. */
export async function startPm2(): Promise<Candidate> {
  const home = mkdtempSync(join(tmpdir(), "flowplane-bench-pm2-"));
  await runProgram("npm", ["install", "--prefix", home, "--no-audit", "--no-fund", "pm2"]);
  process.env["PM2_HOME"] = join(home, "state");
  const load = createRequire(join(home, "package.json"));
  // PM2 has no types of its own that a folder made a moment ago could offer.
  const pm2 = load("pm2") as Pm2;
  const { version } = load("pm2/package.json") as { version: string };
  await call((done) => pm2.connect(done));
  const log = (name: string) => join(home, `${name}.log`);
  return {
    name: "pm2",
    version,
    note: "launched by its JavaScript API, first line in its log file; kill_timeout 1,600 ms as it comes",
    async launch(job) {
      await call((done) =>
        pm2.start(
          {
            name: job.name,
            script: job.command,
            args: [...job.args],
            interpreter: "none",
            exec_mode: "fork",
            autorestart: false,
            env: { ...job.env },
            out_file: log(job.name),
            error_file: `${log(job.name)}.err`,
          },
          done,
        ),
      );
      return { job, firstLine: () => firstByteOf(log(job.name)) };
    },
    stop: ({ job }) => call((done) => pm2.stop(job.name, done)),
    processes: () => ({ daemon: [Number(readFileSync(join(home, "state", "pm2.pid"), "utf8"))] }),
    async [Symbol.asyncDispose]() {
      await call((done) => pm2.killDaemon(done));
      pm2.disconnect();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

function call(fn: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) =>
    fn((error) => (error === null || error === undefined ? resolve() : reject(error))),
  );
}
