// The program as a graph of modules, for the tests on the code itself. Vite's parser reads TypeScript as it stands.

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { parseSync } from "vite";

export const ROOT = join(import.meta.dirname, "..", "..");

const MADE_FOLDERS = new Set(["node_modules", "dist", "gen", "coverage"]);
const CODE = new Set([".ts", ".tsx", ".mjs"]);
/** Files that no module imports and that are started by name. */
const ENTRIES =
  /(\.test\.tsx?|\.config\.ts|^apps\/[^/]+\/src\/main\.tsx?|^apps\/[^/]+\/bin\/[^/]+|^(apps|packages)\/[^/]+\/src\/index\.ts|^scripts\/[^/]+\.mjs|^bench\/src\/main\.ts|^apps\/web\/dev\/[^/]+\.ts|^scripts\/[^/]+\.ts)$/;

export interface Import {
  /** `lazy`: `import()`, in types too. `mention`: a file named in a string, such as a program that is started. */
  readonly kind: "import" | "lazy" | "mention";
  /** As written. */
  readonly specifier: string;
  /** The module it leads to, from the root; undefined outside the workspace. */
  readonly target: string | undefined;
  /** What is taken; `*` is everything. */
  readonly names: readonly string[];
  readonly line: number;
}

export interface Export {
  readonly name: string;
  /** Where a re-export takes it from; `*` is everything. */
  readonly from: { readonly target: string | undefined; readonly name: string } | undefined;
  readonly line: number;
}

export interface Module {
  /** From the root, with slashes. */
  readonly path: string;
  /** The source with its comments blanked out; lines stay where they are. */
  readonly code: string;
  readonly imports: readonly Import[];
  readonly exports: readonly Export[];
  readonly isEntry: boolean;
  readonly isTest: boolean;
}

let cached: ReadonlyMap<string, Module> | undefined;

/** Every module of the workspace by its path, generated ones left out. */
export function modules(): ReadonlyMap<string, Module> {
  cached ??= new Map(
    files(ROOT)
      .filter((path) => CODE.has(extname(path)))
      .map((path) => [path, readModule(path)]),
  );
  return cached;
}

/** Every file of the workspace that somebody wrote, from the root. */
export function files(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory())
      return MADE_FOLDERS.has(entry.name) || entry.name.startsWith(".") ? [] : files(path);
    return entry.isFile() ? [relative(ROOT, path)] : [];
  });
}

/** `packages/link/src/x.ts` is in `packages/link`, `test/code/x.ts` in `test`. */
export function workspaceOf(path: string): string {
  const [first = "", second = ""] = path.split("/");
  return first === "packages" || first === "apps" ? `${first}/${second}` : first;
}

/** The name before the first slash that matters: `@fastify/static`, `node:fs`, `pg`. */
export function packageOf(specifier: string): string {
  const parts = specifier.split("/");
  return specifier.startsWith("@") ? parts.slice(0, 2).join("/") : (parts[0] ?? "");
}

function readModule(path: string): Module {
  const source = readFileSync(join(ROOT, path), "utf8");
  const { module, comments, errors } = parseSync(path, source);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const lineAt = (offset: number) => source.slice(0, offset).split("\n").length;
  const imports: Import[] = module.staticImports.map((item) => ({
    kind: "import",
    specifier: item.moduleRequest.value,
    target: resolveModule(path, item.moduleRequest.value),
    names: item.entries.map((entry) => {
      if (entry.importName.kind === "Default") return "default";
      return entry.importName.name ?? `*${entry.localName.value}`;
    }),
    line: lineAt(item.start),
  }));
  const exports: Export[] = module.staticExports.flatMap((item) =>
    item.entries.map((entry) => ({
      name: entry.exportName.kind === "Default" ? "default" : (entry.exportName.name ?? "*"),
      from:
        entry.moduleRequest === null
          ? undefined
          : { target: resolveModule(path, entry.moduleRequest.value), name: entry.importName.name ?? "*" },
      line: lineAt(item.start),
    })),
  );
  const reexported = module.staticExports.flatMap((item) =>
    item.entries.flatMap(({ moduleRequest }) => (moduleRequest === null ? [] : [moduleRequest])),
  );
  const code = blank(source, comments);
  return {
    path,
    code,
    imports: [
      ...imports.map((item) => narrow(item, code)),
      ...reexported.map(({ value, start }) => ({
        kind: "import" as const,
        specifier: value,
        target: resolveModule(path, value),
        names: [],
        line: lineAt(start),
      })),
      ...mentions(path, code, lineAt),
    ],
    exports,
    // What gives nothing to others is a program of its own.
    isEntry: ENTRIES.test(path) || exports.length === 0,
    isTest:
      /\.test\.tsx?$/.test(path) ||
      /\/testing\/|\/(testing|fixtures|testing-server)\.ts$/.test(path) ||
      /^(test|bench)\//.test(path),
  };
}

/** `import * as store` takes what stands behind `store.`. */
function narrow(item: Import, code: string): Import {
  const names = item.names.flatMap((name) => {
    if (!name.startsWith("*")) return [name];
    const members = [...code.matchAll(new RegExp(`\\b${name.slice(1)}\\.(\\w+)`, "g"))].map(
      (match) => match[1] ?? "",
    );
    return members.length === 0 ? ["*"] : members;
  });
  return { ...item, names };
}

/** Modules named otherwise: `import("…")`, in types too, and files named in a string, as of a worker. */
function mentions(path: string, code: string, lineAt: (offset: number) => number): Import[] {
  const dynamic = [...code.matchAll(/\bimport\(\s*["']([^"']+)["']/g)];
  const named = [...code.matchAll(/(?<!from |import |import\()["'`]([\w./-]+\.(?:ts|tsx|mjs))["'`]/g)];
  return [...dynamic, ...named].flatMap((match) => {
    const specifier = match[1] ?? "";
    const target =
      resolveModule(path, specifier) ?? resolveFile(specifier) ?? resolveFile(join(dirname(path), specifier));
    const isImport = dynamic.includes(match);
    return isImport || target !== undefined
      ? [
          {
            kind: isImport ? ("lazy" as const) : ("mention" as const),
            specifier,
            target,
            names: ["*"],
            line: lineAt(match.index),
          },
        ]
      : [];
  });
}

function resolveModule(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return resolveFile(join(dirname(from), specifier));
  if (specifier.startsWith("@/") && from.startsWith("apps/web/"))
    return resolveFile(join("apps/web/src", specifier.slice(2)));
  const name = /^@flowplane\/([^/]+)(?:\/(.+))?$/.exec(specifier);
  if (name === null) return undefined;
  const folder = [`packages/${name[1]}`, `apps/${name[1]}`, name[1] ?? ""].find((candidate) =>
    existsSync(join(ROOT, candidate)),
  );
  if (folder === undefined) return undefined;
  const { exports } = JSON.parse(readFileSync(join(ROOT, folder, "package.json"), "utf8")) as {
    exports?: Record<string, string>;
  };
  const file = exports?.[name[2] === undefined ? "." : `./${name[2]}`];
  return file === undefined ? undefined : join(folder, file);
}

function resolveFile(path: string): string | undefined {
  const candidates = [path, `${path}.ts`, `${path}.tsx`, join(path, "index.ts"), join(path, "index.tsx")];
  return candidates.find(
    (candidate) => statSync(join(ROOT, candidate), { throwIfNoEntry: false })?.isFile() === true,
  );
}

function blank(source: string, comments: readonly { start: number; end: number }[]): string {
  let code = source;
  for (const { start, end } of comments)
    code = code.slice(0, start) + code.slice(start, end).replaceAll(/[^\n]/g, " ") + code.slice(end);
  return code;
}
