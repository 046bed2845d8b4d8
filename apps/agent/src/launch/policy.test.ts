import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { LaunchPolicySpec } from "@flowplane/link";
import { Bench, makeFolder, sh, spec } from "../../test/harness.ts";
import { matchesGlob } from "./glob.ts";
import { judgeLaunch } from "./policy.ts";
import type { Asked } from "./policy.ts";

test("patterns: one part, any depth, one character, and no pattern takes for ever", () => {
  const cases: [string, string, boolean][] = [
    ["/usr/bin/*", "/usr/bin/env", true],
    ["/usr/bin/*", "/usr/bin/x/env", false],
    ["/usr/**", "/usr/bin/x/env", true],
    ["/usr/**/env", "/usr/bin/env", true],
    ["/opt/etl-?/run", "/opt/etl-2/run", true],
    ["/opt/etl-?/run", "/opt/etl-/run", false],
    ["/usr/bin/env", "/usr/bin/env", true],
    ["/usr/bin/env", "/usr/bin/envx", false],
    ["", "", true],
    ["*", "", true],
    ["/a.b", "/axb", false],
    ["*a".repeat(2000), "/".padEnd(4096, "b"), false],
  ];
  for (const [pattern, path, expected] of cases)
    expect([pattern.slice(0, 30), path.slice(0, 30), matchesGlob(pattern, path)]).toEqual([
      pattern.slice(0, 30),
      path.slice(0, 30),
      expected,
    ]);
});

const anything: LaunchPolicySpec = {
  allow: [],
  deny: [],
  isolation: ["process"],
  inherit: null,
  users: null,
  require_limits: false,
};
const asked: Asked = {
  executable: "/usr/bin/python3.12",
  namedAs: "/usr/bin/python3",
  isolation: "process",
  inherits: [],
  user: { name: "ada", uid: 1000 },
  unenforced: [],
};
const links: Record<string, string> = { "/usr/bin/python3": "/usr/bin/python3.12" };
const judge = (policy: Partial<LaunchPolicySpec>, more: Partial<Asked> = {}) =>
  judgeLaunch(
    { ...anything, ...policy },
    { ...asked, ...more },
    "the site's launch policy",
    (path) => links[path] ?? path,
  )?.reason ?? null;

test("what a policy forbids, in words that name the rule", () => {
  expect(judge({})).toBeNull();
  expect(judge({ allow: ["/usr/bin/python3"] })).toBeNull();
  expect(judge({ allow: ["/usr/bin/*"], deny: ["/usr/bin/python*"] })).toBe(
    "the site's launch policy forbids it: /usr/bin/python3.12 is denied by the rule /usr/bin/python*",
  );
  expect(judge({ deny: ["/usr/bin/python3"] })).toMatch(/denied by the rule/);
  expect(judge({ allow: ["/opt/**"] })).toMatch(/python3\.12 matches none of the rules/);
  // A link that carries an allowed name is no way in.
  expect(judge({ allow: ["/opt/**"] }, { namedAs: "/opt/etl/python3" })).toMatch(/matches none/);
  expect(judge({}, { isolation: "idle" })).toMatch(/isolation idle is not among process/);
  expect(judge({ inherit: ["LANG"] }, { inherits: ["LANG", "AWS_KEY"] })).toMatch(
    /AWS_KEY may not be inherited/,
  );
  expect(judge({ users: ["1000"] })).toBeNull();
  expect(judge({ users: ["etl"] })).toMatch(/may not be started as user ada/);
  expect(judge({ require_limits: true }, { unenforced: ["memory_bytes"] })).toMatch(
    /cannot keep its limits of memory_bytes/,
  );
});

test("the site's policy and the host's own file are asked before anything starts; a script is judged by its file", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  const bin = join(folder.path, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "job.sh"), "#!/bin/sh\necho ran\n", { mode: 0o755 });
  symlinkSync("/bin/sh", join(bin, "innocent"));
  const site = (more: Partial<LaunchPolicySpec>) => ({ launch_policy: { ...anything, ...more } });
  const refused = async (id: string, given: Parameters<Bench["start"]>[1]) => {
    await bench.start(id, given);
    const end = await bench.ended(id);
    expect(end).toMatchObject({ state: "FAILED", exit_code: 126, log: { lines: 0 } });
    return end.reason;
  };
  await bench.start("script", spec(join(bin, "job.sh"), [], site({ allow: [`${bin}/*`] })));
  expect(await bench.ended("script")).toMatchObject({ state: "SUCCEEDED" });
  expect(
    await refused("link", spec(join(bin, "innocent"), ["-c", "true"], site({ allow: [`${bin}/*`] }))),
  ).toMatch(/matches none of the rules/);
  // A refusal stands: no policy of retries asks again.
  const retry = {
    retries_max: 3,
    on: ["failed" as const],
    backoff_ms: 1,
    backoff_max_ms: 1,
    reset_after_ms: 1000,
  };
  expect(await refused("retried", { ...spec("env", [], site({ deny: ["/**/env"] })), retry })).toMatch(
    /denied/,
  );
  expect(bench.supervisor.nextStarts).toEqual([]);

  const file = join(folder.path, "launch-policy.json");
  writeFileSync(file, JSON.stringify({ deny: [`${bin}/**`] }));
  expect(await refused("host", spec(join(bin, "job.sh"), [], site({})))).toMatch(
    /^the host's own launch policy forbids it: .*job\.sh is denied/,
  );
  for (const [index, bad] of ["{", "[]", '{"alow": []}', '{"deny": "x"}'].entries()) {
    writeFileSync(file, bad);
    expect(await refused(`bad${index}`, sh("true"))).toMatch(
      /^nothing can be started: the host's own launch policy .*launch-policy\.json (cannot be read|is not valid|is not a JSON object)/,
    );
  }
});
