// Who may import whom. Each test lists its offenders, so that a failure names file and line.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { modules, packageOf, ROOT, workspaceOf, type Import, type Module } from "./source-tree.ts";

/** What of ours a workspace package may import, tests left out. Everything not listed may not. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "packages/contract": [],
  "packages/opamp": [],
  "packages/link": [],
  "packages/detection": [],
  "packages/redaction": [],
  "packages/runtime": [],
  "packages/collector-config": [],
  "packages/telemetry": [],
  "packages/rollouts": [],
  "apps/server": [
    "packages/collector-config",
    "packages/telemetry",
    "packages/contract",
    "packages/opamp",
    "packages/link",
    "packages/detection",
    "packages/rollouts",
    "packages/runtime",
  ],
  "apps/agent": [
    "packages/contract",
    "packages/opamp",
    "packages/link",
    "packages/detection",
    "packages/redaction",
    "packages/runtime",
  ],
  // It starts the server and the agent by their package's entry and knows nothing of their insides.
  "apps/cli": [
    "packages/contract",
    "packages/collector-config",
    "packages/detection",
    // Files of evidence hold a run's log as the agent wrote it.
    "packages/link",
    "packages/runtime",
    "apps/server",
    "apps/agent",
  ],
  // A saved log is looked into in the browser itself, so that nothing of it leaves; the mock checks configurations for real.
  "apps/web": ["packages/collector-config", "packages/contract", "packages/detection"],
  // The set-up, plain JavaScript that runs before anything is installed.
  scripts: [],
};

/** Packages that run anywhere, in a browser too: nothing of Node, and only this library. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  "packages/contract": ["zod"],
  "packages/opamp": ["@bufbuild/protobuf"],
  "packages/link": ["zod"],
  "packages/detection": [],
  "packages/redaction": [],
  "packages/collector-config": ["yaml"],
  "packages/telemetry": ["@bufbuild/protobuf"],
  "packages/rollouts": [],
};

/** Of them, those without IO, clock or randomness: `now` and `random` come in as arguments. */
const PURE = [
  "packages/collector-config",
  "packages/telemetry",
  "packages/opamp",
  "packages/link",
  "packages/redaction",
  "packages/detection",
  "packages/rollouts",
];

const IMPURE = [
  { what: "a clock", pattern: /\bDate\.now\b|\bnew Date\(\s*\)|\bperformance\.now\b|\bprocess\.hrtime\b/ },
  { what: "randomness", pattern: /\bMath\.random\b|\bcrypto\.(getRandomValues|randomUUID|randomBytes)\b/ },
  { what: "a timer", pattern: /\b(setTimeout|setInterval|setImmediate)\(/ },
  { what: "the process", pattern: /\bprocess\.(env|argv|stdout|stderr|exit|cwd)\b/ },
  { what: "the network", pattern: /\bnew (WebSocket|EventSource|XMLHttpRequest)\(/ },
];

test("workspace packages import only what stands below them", () => {
  const offenders = imports(({ path, isTest }, { target }) => {
    if (target === undefined || isTest || isGenerator(path)) return false;
    const [from, to] = [workspaceOf(path), workspaceOf(target)];
    const allowed = MAY_IMPORT[from];
    return from !== to && allowed !== undefined && !allowed.includes(to);
  });
  expect(offenders).toEqual([]);
});

test("every workspace package has its place in the table above", () => {
  const placed = new Set([...Object.keys(MAY_IMPORT), "test", "bench", ""]);
  const found = new Set([...modules().keys()].filter((path) => path.includes("/")).map(workspaceOf));
  expect([...found].filter((name) => !placed.has(name))).toEqual([]);
});

test("another package is entered by its name, never by a path into it", () => {
  const offenders = imports(
    ({ path }, { specifier, target }) =>
      specifier.startsWith(".") &&
      target !== undefined &&
      workspaceOf(path) !== workspaceOf(target) &&
      workspaceOf(target).includes("/") &&
      // A worker or a child process is started by the path of its file.
      !/^(test|bench|scripts)$/.test(workspaceOf(path)),
  );
  expect(offenders).toEqual([]);
});

test("nothing imports what isn't there", () => {
  const offenders = imports(
    ({ path }, { specifier, target }) =>
      target === undefined &&
      (specifier.startsWith("@flowplane/") || /^\.{1,2}\/.*\.(ts|tsx|mjs)$/.test(specifier)) &&
      !specifier.includes("/gen/") &&
      !path.startsWith("test/code/"),
  );
  expect(offenders).toEqual([]);
});

test("packages that run anywhere use their one library and nothing of Node", () => {
  const offenders = imports(({ path, isTest }, { specifier, target }) => {
    const allowed = LIBRARIES[workspaceOf(path)];
    return (
      allowed !== undefined &&
      !isTest &&
      // What measures a package from outside (eval/) reads files; the package in src/ does not.
      path.includes("/src/") &&
      target === undefined &&
      !specifier.startsWith(".") &&
      !allowed.includes(packageOf(specifier))
    );
  });
  expect(offenders).toEqual([]);
});

test("pure packages read no clock, no randomness and nothing else of the outside", () => {
  const offenders = [...modules().values()]
    .filter(({ path, isTest }) => PURE.includes(workspaceOf(path)) && path.includes("/src/") && !isTest)
    .flatMap(({ path, code }) =>
      code
        .split("\n")
        .flatMap((line, index) =>
          IMPURE.filter(({ pattern }) => pattern.test(line)).map(
            ({ what }) => `${path}:${index + 1} uses ${what}`,
          ),
        ),
    );
  expect(offenders).toEqual([]);
});

test("a feature uses another by its nouns, never by its tables or its routes", () => {
  const offenders = imports(({ path, isTest }, { target }) => {
    const [from, to] = [featureOf(path), target === undefined ? undefined : featureOf(target)];
    return (
      !isTest &&
      from !== undefined &&
      to !== undefined &&
      from !== to &&
      /\/(([a-z-]+-)?store|routes)\.ts$/.test(target ?? "")
    );
  });
  expect(offenders).toEqual([]);
});

test("the platform knows no feature", () => {
  const offenders = imports(
    ({ path, isTest }, { target }) =>
      !isTest &&
      path.startsWith("apps/server/src/platform/") &&
      target?.startsWith("apps/server/src/features/") === true,
  );
  expect(offenders).toEqual([]);
});

test("a table is written by one feature", () => {
  const writers = new Map<string, Set<string>>();
  for (const { path, code, isTest } of modules().values()) {
    const feature = featureOf(path);
    if (feature === undefined || isTest) continue;
    const writes = code.matchAll(
      /\b(?:insertInto|updateTable|deleteFrom|replaceInto|mergeInto)\(\s*["'](\w+)|\b(?:insert into|update|delete from)\s+(\w+)\s*(?:\(|\bset\b|\bwhere\b|\bas\b)/g,
    );
    for (const [, byBuilder, bySql] of writes) {
      const table = byBuilder ?? bySql ?? "";
      writers.set(table, (writers.get(table) ?? new Set()).add(feature));
    }
  }
  const shared = [...writers]
    .filter(([, features]) => features.size > 1)
    .map(([table, features]) => `${table}: ${[...features].join(", ")}`);
  expect(shared).toEqual([]);
});

test("no module imports itself, by whatever detour", () => {
  expect(cycles()).toEqual([]);
});

/** Writes documents out of the program, so it may see all of it. */
function isGenerator(path: string): boolean {
  return /^scripts\/[^/]+\.ts$/.test(path);
}

function featureOf(path: string): string | undefined {
  return /^apps\/server\/src\/features\/([^/]+)\//.exec(path)?.[1];
}

function imports(isOffence: (module: Module, item: Import) => boolean): string[] {
  return [...modules().values()].flatMap((module) =>
    module.imports
      .filter((item) => item.kind !== "mention" && isOffence(module, item))
      .map(({ specifier, line }) => `${module.path}:${line} imports ${specifier}`),
  );
}

/**
 * Depth first; a module met again while it is still open closes a circle. Types count: they tie files together as
 * well. What is loaded later, when somebody asks for it, may look back.
 */
function cycles(): string[] {
  const found = new Set<string>();
  const done = new Set<string>();
  const open: string[] = [];
  const visit = (path: string) => {
    const start = open.indexOf(path);
    if (start >= 0) found.add([...open.slice(start), path].join(" → "));
    if (start >= 0 || done.has(path)) return;
    open.push(path);
    for (const { target, kind } of modules().get(path)?.imports ?? [])
      if (target !== undefined && kind === "import") visit(target);
    open.pop();
    done.add(path);
  };
  for (const path of modules().keys()) visit(path);
  return [...found];
}

test("the tree is really read", () => {
  expect(modules().size).toBeGreaterThan(100);
  expect(existsSync(join(ROOT, "packages/contract/src/index.ts"))).toBe(true);
  expect(
    modules()
      .get("test/code/layers.test.ts")
      ?.imports.map(({ target }) => target),
  ).toContain("test/code/source-tree.ts");
});
