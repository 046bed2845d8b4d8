import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { files, modules, packageOf, ROOT, workspaceOf } from "./source-tree.ts";

test("every module is reached from an entry or a test", () => {
  const reached = new Set<string>();
  const visit = (path: string) => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const { target } of modules().get(path)?.imports ?? []) if (target !== undefined) visit(target);
  };
  for (const { path, isEntry } of modules().values()) if (isEntry) visit(path);
  expect([...modules().keys()].filter((path) => !reached.has(path))).toEqual([]);
});

test("every export is used, in its own file or in another", () => {
  const used = new Set<string>();
  const use = (path: string, name: string) => {
    const key = `${path}#${name}`;
    if (used.has(key)) return;
    used.add(key);
    const exports = modules().get(path)?.exports ?? [];
    if (name === "*") for (const entry of exports) use(path, entry.name);
    const own = exports.filter((entry) => entry.name === name);
    for (const { from } of own.length > 0 ? own : exports.filter((entry) => entry.name === "*"))
      if (from?.target !== undefined) use(from.target, from.name === "*" ? name : from.name);
  };
  for (const { imports } of modules().values())
    for (const { target, names } of imports)
      if (target !== undefined) for (const name of names) use(target, name);

  const unused = [...modules().values()]
    .filter(({ path }) => !isReadByATool(path) && !isOnTheWire(path))
    .flatMap(({ path, code, exports }) =>
      exports
        .filter(
          ({ name, from }) =>
            name !== "*" && from === undefined && !used.has(`${path}#${name}`) && count(code, name) < 2,
        )
        .map(({ name, line }) => `${path}:${line} ${name}`),
    );
  expect(unused).toEqual([]);
});

test("every dependency is used by the package that names it", () => {
  const unused = manifests().flatMap(({ folder, dependencies }) => {
    const sources = [...modules().values()].filter(({ path }) =>
      folder === "" ? true : workspaceOf(path) === folder,
    );
    const imported = new Set(
      sources.flatMap(({ imports }) => imports.map(({ specifier }) => packageOf(specifier))),
    );
    const texts = files(join(ROOT, folder))
      .filter((path) => (folder === "" ? !path.includes("/") : workspaceOf(path) === folder))
      .filter(
        (path) => /\.(css|html|json|ya?ml|[cm]?[jt]sx?)$/.test(path) && !/package\.json$|pnpm-/.test(path),
      )
      .map((path) => readFileSync(join(ROOT, path), "utf8"));
    const scripts =
      readFileSync(join(ROOT, folder, "package.json"), "utf8").match(/"scripts": \{[^}]*\}/)?.[0] ?? "";
    return dependencies
      .filter(
        (name) =>
          !imported.has(name) &&
          !isTool(name) &&
          !texts.some((text) => text.includes(name)) &&
          !scripts.includes(name),
      )
      .map((name) => `${folder === "" ? "." : folder}: ${name}`);
  });
  expect(unused).toEqual([]);
});

/** What is used by its presence alone: types, executables, the Node we run on. */
function isTool(name: string): boolean {
  return /^@types\/|^(node|oxlint|oxfmt|oxlint-tsgolint|typescript|vite|vitest|@flowplane\/cli|@bufbuild\/(buf|protoc-gen-es))$/.test(
    name,
  );
}

/** A tool reads these by the names it wants. */
function isReadByATool(path: string): boolean {
  return path.endsWith(".config.ts") || path === "apps/server/src/platform/storage/testing-server.ts";
}

/** What the two ends of the link agree on is named before either end uses all of it. */
function isOnTheWire(path: string): boolean {
  return /^packages\/link\/src\/(bulk|limits|messages)\.ts$/.test(path);
}

function count(code: string, name: string): number {
  return code.match(new RegExp(`(?<![\\w$])${name.replaceAll("$", "\\$")}(?![\\w$])`, "g"))?.length ?? 0;
}

function manifests(): { folder: string; dependencies: string[] }[] {
  return files(ROOT)
    .filter((path) => /(^|\/)package\.json$/.test(path))
    .map((path) => {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(
        readFileSync(join(ROOT, path), "utf8"),
      ) as Record<string, Record<string, string> | undefined>;
      return {
        folder: path.replace(/\/?package\.json$/, ""),
        dependencies: [...Object.keys(dependencies), ...Object.keys(devDependencies)],
      };
    });
}
