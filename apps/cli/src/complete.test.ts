import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { complete } from "./complete.ts";
import { COMPLETION_SCRIPTS } from "./completion-scripts.ts";
import type { Context } from "./context.ts";
import { createOutput } from "./output.ts";
import { buildProgram } from "./program.ts";
import { page, someAgent, someRun, startFakeControlPlane } from "./testing/fake-control-plane.ts";

const output = createOutput(process.stdout, process.stderr, {});

function contextWith(env: NodeJS.ProcessEnv): Context {
  return { env, output, now: () => 0, exitCode: 0 };
}

async function valuesFor(words: readonly string[], env: NodeJS.ProcessEnv = { HOME: "/nowhere" }) {
  const context = contextWith(env);
  return (await complete(buildProgram(context), context, words)).map(({ value }) => value);
}

describe("what may stand there", () => {
  test.each([
    [["age"], ["agent", "agents"]],
    [
      ["agents", "re"],
      ["rename", "revoke", "reconnect"],
    ],
    [["tokens", "create", "--k"], ["--kind"]],
    [["tokens", "create", "--kind", "c"], ["collector"]],
    [["members", "role", "ada@example.org", "ow"], ["owner"]],
    [
      ["completion", ""],
      ["bash", "zsh", "fish"],
    ],
    [["ps", "--json", "--state", "SU"], ["SUCCEEDED"]],
    [["run", "--", "ag"], []],
    [["nope", ""], []],
  ])("%j", async (words, expected) => expect(await valuesFor(words)).toEqual(expected));

  test("every command is offered, the hidden one is not", async () => {
    const values = await valuesFor([""]);
    expect(values).toEqual(expect.arrayContaining(["run", "ps", "logs", "stop", "kill", "audit", "help"]));
    expect(values).not.toContain("__complete");
  });

  test("runs and agents come from the control plane", async () => {
    await using plane = await startFakeControlPlane({
      "GET /api/v1/runs": () => page([someRun()]),
      "GET /api/v1/agents": () => page([someAgent({ name: "build-7" }), someAgent({ name: "db-1" })]),
    });
    const env = { HOME: "/nowhere", FLOWPLANE_URL: plane.origin, FLOWPLANE_API_KEY: "fpk_test" };
    expect(await valuesFor(["logs", "-f", ""], env)).toEqual(["9de33319"]);
    expect(await valuesFor(["stop", "9de33319", ""], env)).toEqual(["9de33319"]);
    expect(await valuesFor(["agents", "show", "b"], env)).toEqual(["build-7"]);
    expect(await valuesFor(["run", "--agent", ""], env)).toEqual(["build-7", "db-1"]);
  });

  test("a variable is offered once, whatever sites have values of their own", async () => {
    const variable = {
      name: "BACKEND",
      site_id: null,
      value: "a",
      created_by: { type: "user", id: "u", name: "Ada" },
      updated_at: "2026-01-02T03:04:05.678Z",
    } as const;
    const ofSite = { ...variable, site_id: "019b8d7a-3333-7000-8000-000000000051", value: "b" };
    await using plane = await startFakeControlPlane({
      "GET /api/v1/variables": () => page([variable, ofSite, { ...variable, name: "REGION" }]),
    });
    const env = { HOME: "/nowhere", FLOWPLANE_URL: plane.origin, FLOWPLANE_API_KEY: "fpk_test" };
    expect(await valuesFor(["variables", "set", ""], env)).toEqual(["BACKEND", "REGION"]);
    expect(await valuesFor(["variables", "rm", "BACKEND", "R"], env)).toEqual(["REGION"]);
  });

  test("a control plane that refuses leaves nothing, and no error", async () => {
    await using plane = await startFakeControlPlane({});
    const env = { HOME: "/nowhere", FLOWPLANE_URL: plane.origin, FLOWPLANE_API_KEY: "fpk_test" };
    expect(await valuesFor(["logs", ""], env)).toEqual([]);
  });
});

test("bash completes with the script it is given", () => {
  const script = `
    flowplane() { printf 'revoke\\tRevoke it\\nrename\\tRename it\\n'; echo "$*" >&2; }
    compopt() { :; }
    ${COMPLETION_SCRIPTS.bash}
    COMP_WORDS=(flowplane agents re); COMP_CWORD=2
    _flowplane
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status } = spawnSync("bash", ["-c", script], { encoding: "utf8" });
  expect([status, stdout]).toEqual([0, "revoke\nrename\n"]);
});

for (const shell of ["zsh", "fish"] as const) {
  const isInstalled = spawnSync(shell, ["-c", "true"]).error === undefined;
  test.skipIf(!isInstalled)(`${shell} accepts the script it is given`, () => {
    const { status, stderr } = spawnSync(shell, ["-n"], {
      input: COMPLETION_SCRIPTS[shell],
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, ""]);
  });
}
