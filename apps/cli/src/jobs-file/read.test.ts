import { expect, test } from "vitest";
import { CliError } from "../failure.ts";
import { readJobsFile } from "./read.ts";
import { splitCommand } from "./split-command.ts";

const WHOLE = `
x-common: &env {LANG: C.UTF-8}
jobs:
  nightly:
    command: /usr/bin/etl --full "two words"
    description: everything, every night
    schedule: "0 3 * * *"
    time_zone: Europe/Berlin
    overlap: queue
    misfire: all
    concurrency: 2
    env: {<<: *env, RETRIES: 3, HOME:}
    secrets: [DB_PASSWORD]
    limits: {memory: 1g, cpu: 0.5, pids: 100, runtime: 4h, umask: "077"}
    retry: {max: 5, backoff: 1s}
    working_dir: data
    labels: {gpu: a100}
  web:
    command: [node, server.js]
    restart: always
    env: [PORT=8080, PATH]
    secrets: {TOKEN: API_TOKEN}
    isolation: idle
    progress: {heartbeat: 30s}
  poll:
    command: curl -sf http://localhost/health
    every: 5m
    working_dir: .
`;

test("a whole file is read into what the API takes", () => {
  const [nightly, web, poll] = readJobsFile("/srv/app/flowplane.yaml", WHOLE);
  expect(nightly?.body).toMatchObject({
    name: "nightly",
    command: "/usr/bin/etl",
    args: ["--full", "two words"],
    cwd: "/srv/app/data",
    schedule_policy: {
      cron: "0 3 * * *",
      time_zone: "Europe/Berlin",
      overlap: "queue",
      misfire: "all",
      paused: false,
    },
    concurrency_max: 2,
    env_policy: {
      set: { LANG: "C.UTF-8", RETRIES: "3" },
      inherit: ["HOME"],
      secrets: { DB_PASSWORD: "DB_PASSWORD" },
    },
    resource_policy: {
      memory_limit_mb: 1_024,
      cpu_limit_millicores: 500,
      pids_limit: 100,
      max_runtime_seconds: 14_400,
      umask: "077",
    },
    retry: { retries_max: 5, backoff_ms: 1_000, on: ["failed", "timed_out", "lost"] },
    placement: { labels: { gpu: "a100" } },
  });
  expect(nightly?.isService).toBe(false);
  expect([web?.isService, web?.body]).toMatchObject([
    true,
    {
      command: "node",
      args: ["server.js"],
      cwd: "/srv/app",
      env_policy: { set: { PORT: "8080" }, inherit: ["PATH"], secrets: { TOKEN: "API_TOKEN" } },
      retry: { retries_max: 1_000, on: ["failed", "timed_out", "lost", "succeeded"] },
      isolation: { mode: "idle" },
      progress: { heartbeat_ms: 30_000 },
    },
  ]);
  expect(poll?.body).toMatchObject({ schedule_policy: { every_seconds: 300 }, cwd: "/srv/app" });
});

test.each([
  ["jobs: {a: {command: x}", "1:23", "Flow map"],
  ["jobs:\n  a:\n    command: x\n    command: y\n", "4:5", "Map keys must be unique"],
  ["job: {}\n", "1:1", "jobs"],
  ["jobs: {}\nextra: 1\n", "2:1", "extra: there is no such setting"],
  ["jobs:\n  a:\n    comand: x\n", "3:5", "comand"],
  [
    "jobs:\n  a:\n    command: x\n    limits:\n      memory: lots\n",
    "5:7",
    "jobs.a.limits.memory: write it like 512m",
  ],
  [
    "jobs:\n  a:\n    command: x\n    limits: {memory: 1g, cores: 2}\n",
    "4:26",
    "jobs.a.limits.cores: there is no such setting",
  ],
  ["jobs:\n  a:\n    command: echo hi | wc\n", "3:5", "`|` is the shell's, and there is none"],
  ["jobs:\n  a:\n    command: ''\n", "3:5", "it is empty"],
  [
    "jobs:\n  a:\n    command: x\n    schedule: 0 3 * * *\n    every: 5m\n",
    "5:5",
    "there is schedule already",
  ],
  ["jobs:\n  a:\n    command: x\n    overlap: skip\n", "4:5", "there is none"],
  [
    "jobs:\n  a:\n    command: x\n    schedule: 0 3 * * *\n    restart: always\n",
    "5:5",
    "leave out one of the two",
  ],
  ["jobs:\n  a:\n    command: x\n    restart: sometimes\n", "4:5", "jobs.a.restart"],
  ["jobs:\n  a:\n    command: x\n    isolation: container\n", "4:5", "a container needs an image"],
  ["jobs:\n  a:\n    command: x\n    env: {1X: y}\n", "4:11", "jobs.a.env.1X"],
  ["jobs:\n  a:\n    command: x\n    limits: {memory: 1m}\n", "2:3", "memory_limit_mb"],
  ["- a\n- b\n", "1:1", "expected"],
  ["", "1:1", "jobs"],
])("%j is one error at %s", (text, place, words) => {
  let error: unknown;
  try {
    readJobsFile("f.yaml", text);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CliError);
  expect((error as CliError).message).toContain(words);
  expect((error as CliError).message.startsWith(`f.yaml:${place}: `), (error as CliError).message).toBe(true);
});

test.each([
  ["a b  c", ["a", "b", "c"]],
  [`a "b c" 'd "e"' f\\ g ""`, ["a", "b c", 'd "e"', "f g", ""]],
  [`sh -c 'echo $HOME | wc'`, ["sh", "-c", "echo $HOME | wc"]],
  [`"a\\"b\\n"`, ['a"b\\n']],
])("%s is split as a shell would, and nothing more", (line, words) => {
  expect(splitCommand(line)).toEqual({ words });
});

test.each(["a | b", "a > b", "a && b", "echo $HOME", "ls *.txt", "a; b", "`a`", "'a", '"a', "  "])(
  "%s is refused",
  (line) => {
    expect(splitCommand(line)).toHaveProperty("problem");
  },
);
