import { expect, test } from "vitest";
import { JobCreate, RunCreate } from "@flowplane/contract";
import { emptyExecution, executionOf, readExecution, type ExecutionForm } from "./executionForm.ts";

const form = (part: Partial<ExecutionForm>): ExecutionForm => ({
  ...emptyExecution,
  command: "true",
  ...part,
});

test("only what is said is sent, and the API takes it", () => {
  const read = readExecution(form({}));
  expect(read).toEqual({ fields: { command: "true", args: [], grace_ms: 10_000 } });
  expect("fields" in read && RunCreate.parse(read.fields).command).toBe("true");
});

test("everything that can be said arrives in the API's units", () => {
  const read = readExecution(
    form({
      command: "sh -c 'a b'",
      cwd: "/srv",
      env: "A=1\nB=x=y",
      secrets: "PGPASSWORD=WAREHOUSE",
      inherit: "PATH, HOME",
      grace: "2.5",
      maxMinutes: "90",
      memory: "512",
      cpu: "1.5",
      pids: "64",
      umask: "027",
      nice: "-5",
      user: "etl",
      isolation: "container",
      image: "alpine:3",
      retries: "3",
      backoff: "2",
      backoffMax: "60",
      retryOn: ["failed"],
      heartbeat: "30",
      progressPattern: "page \\d+",
    }),
  );
  expect(read).toEqual({
    fields: {
      command: "sh",
      args: ["-c", "a b"],
      cwd: "/srv",
      grace_ms: 2_500,
      env_policy: {
        inherit: ["PATH", "HOME"],
        set: { A: "1", B: "x=y" },
        secrets: { PGPASSWORD: "WAREHOUSE" },
      },
      resource_policy: {
        cpu_limit_millicores: 1_500,
        memory_limit_mb: 512,
        pids_limit: 64,
        nice: -5,
        umask: "027",
        max_runtime_seconds: 5_400,
      },
      user: "etl",
      isolation: { mode: "container", image: "alpine:3", network: "none" },
      retry: { retries_max: 3, on: ["failed"], backoff_ms: 2_000, backoff_max_ms: 60_000 },
      progress: { heartbeat_ms: 30_000, pattern: "page \\d+" },
    },
  });
  expect("fields" in read && JobCreate.parse({ ...read.fields, name: "job" }).retry?.reset_after_ms).toBe(
    600_000,
  );
});

test.each<[Partial<ExecutionForm>, string, RegExp]>([
  [{ command: "" }, "command", /Say what/],
  [{ command: "sh -c 'x" }, "command", /never closed/],
  [{ cwd: "srv" }, "cwd", /absolute/],
  [{ env: "1A=x" }, "env", /NAME=value/],
  [{ inherit: "PATH 9X" }, "inherit", /9X/],
  [{ memory: "much" }, "memory", /not a number/],
  [{ memory: "1" }, "memory", /At least 4 MiB/],
  [{ umask: "999" }, "umask", /octal/],
  [{ isolation: "container" }, "image", /image/],
  [{ retries: "2", retryOn: [] }, "retryOn", /after which/],
  [{ retries: "2", backoff: "10", backoffMax: "5" }, "backoffMax", /below/],
])("%j is told at %s", (part, field, message) => {
  const read = readExecution(form(part));
  expect("problems" in read ? read.problems : {}).toEqual({ [field]: expect.stringMatching(message) });
});

test("what was read back is the same again", () => {
  const first = readExecution(
    form({ command: "node 'a b.js'", memory: "512", retries: "2", heartbeat: "5" }),
  );
  if ("problems" in first) throw new Error("it should be readable");
  const { fields } = first;
  const again = executionOf(
    {
      command: fields.command,
      args: fields.args ?? [],
      cwd: null,
      grace_ms: fields.grace_ms ?? 0,
      resource_policy: fields.resource_policy ?? {},
      user: null,
      group: null,
      isolation: null,
      retry: JobCreate.parse({ ...fields, name: "job" }).retry ?? null,
      progress: fields.progress ?? null,
    },
    { env: "", secrets: "", inherit: "" },
  );
  expect(readExecution(again)).toEqual(first);
});
