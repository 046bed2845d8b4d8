import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@flowplane/test/harness";
import type { Candidate, Job } from "./candidate.ts";
import { firstByteOf, runProgram } from "./rival.ts";

/**
 * supervisord from PyPI, in a folder that goes with it, over its XML-RPC socket. It starts only what stands in its
 * configuration, so the jobs are written there beforehand, which is not measured.
 */
export async function startSupervisord(jobs: readonly Job[]): Promise<Candidate> {
  const home = mkdtempSync(join(tmpdir(), "flowplane-bench-sv-"));
  const packages = join(home, "packages");
  await runProgram("python3", [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--target",
    packages,
    "supervisor",
    "setuptools<81",
  ]);
  const socket = join(home, "s.sock");
  const log = (name: string) => join(home, `${name}.log`);
  for (const job of jobs) writeFileSync(join(home, `${job.name}.sh`), script(job), { mode: 0o700 });
  writeFileSync(
    join(home, "supervisord.conf"),
    [
      `[unix_http_server]\nfile=${socket}`,
      `[supervisord]\nlogfile=${home}/supervisord.log\npidfile=${home}/supervisord.pid\nnodaemon=true\nminfds=2048`,
      "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
      ...jobs.map((job) =>
        [
          `[program:${job.name}]`,
          `command=/bin/sh ${home}/${job.name}.sh`,
          "autostart=false",
          "autorestart=false",
          "startsecs=0",
          // As long as PM2 and Flowplane wait here; its own default is 10 s.
          "stopwaitsecs=2",
          `stdout_logfile=${log(job.name)}`,
          `stderr_logfile=${log(job.name)}.err`,
        ].join("\n"),
      ),
    ].join("\n\n"),
  );
  const child = spawn("python3", ["-m", "supervisor.supervisord", "-c", join(home, "supervisord.conf")], {
    env: { ...process.env, PYTHONPATH: packages },
    stdio: "ignore",
  });
  const exited = once(child, "exit");
  await eventually("supervisord to listen", () => (existsSync(socket) ? true : undefined));
  const version = text(await rpc(socket, "supervisor.getSupervisorVersion"));
  return {
    name: "supervisord",
    version,
    note: "jobs configured beforehand, started over XML-RPC, first line in its log file; stopwaitsecs 2, stopasgroup and killasgroup false as they come",
    async launch(job) {
      await rpc(socket, "supervisor.startProcess", `<string>${job.name}</string>`, "<boolean>0</boolean>");
      return { job, firstLine: () => firstByteOf(log(job.name)) };
    },
    async stop({ job }) {
      await rpc(socket, "supervisor.stopProcess", `<string>${job.name}</string>`, "<boolean>0</boolean>");
    },
    processes: () => ({ daemon: [child.pid ?? 0] }),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exited;
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Its own configuration knows neither quotes within quotes nor line ends. */
function script(job: Job): string {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const env = Object.entries(job.env ?? {}).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  return `${env.join("")}exec ${[job.command, ...job.args].map(quote).join(" ")}\n`;
}

function rpc(socketPath: string, method: string, ...values: string[]): Promise<string> {
  const params = values.map((value) => `<param><value>${value}</value></param>`).join("");
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        socketPath,
        path: "/RPC2",
        method: "POST",
        headers: { "content-type": "text/xml", "content-length": Buffer.byteLength(body) },
      },
      (response) => {
        let answer = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (answer += chunk));
        response.on("end", () =>
          answer.includes("<fault>") ? reject(new Error(`${method}: ${text(answer)}`)) : resolve(answer),
        );
      },
    );
    call.on("error", reject);
    call.end(body);
  });
}

function text(xml: string): string {
  return /<string>([^<]*)<\/string>/.exec(xml)?.[1] ?? "";
}
