import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { describe, expect, test } from "vitest";

// What the documents say about the program, held against the program.

const ROOT = resolve(import.meta.dirname, "..");
const documents = globSync(["*.md", "docs/**/*.md", "bench/*.md", "deploy/*.md"], { cwd: ROOT });

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The text without code, where brackets mean something else. */
function proseOf(markdown: string): string {
  return markdown.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");
}

/** GitHub's anchors of the headings. */
function anchorsOf(markdown: string): Set<string> {
  const headings = markdown.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.+)$/gm);
  const anchors = [...headings].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
  return new Set(anchors);
}

test("there are documents to look at", () => {
  expect(documents).toEqual(expect.arrayContaining(["README.md", "docs/reference/cli.md"]));
});

test.each(documents)("every link in %s leads somewhere", (document) => {
  const links = [...proseOf(read(document)).matchAll(/\]\(([^)]+)\)/g)].map(([, link = ""]) => link);
  const broken = links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? document : join(dirname(document), path);
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && !anchorsOf(read(target)).has(anchor);
  });
  expect(broken).toEqual([]);
});

describe("docs/reference/configuration.md", () => {
  const documented = new Set(
    [...read("docs/reference/configuration.md").matchAll(/^\| (`[A-Z_`, ]+`) +\|/gm)].flatMap(
      ([, cell = ""]) => [...cell.matchAll(/[A-Z_]+/g)].map(([name]) => name),
    ),
  );
  const sources = globSync(["apps/server/src/config.ts", "apps/cli/src/**/*.ts"], { cwd: ROOT })
    .filter((path) => !/\.test\.ts$|\/testing\//.test(path))
    .map(read)
    .join("\n");
  const used = new Set([...sources.matchAll(/env\["([A-Z_]+)"\]/g)].map(([, name = ""]) => name));
  /** Of the system, and meaning there what it means everywhere. */
  const known = new Set(["XDG_DATA_HOME", "XDG_CONFIG_HOME", "TERM"]);

  test("names every variable the program reads", () => {
    expect([...used].filter((name) => !documented.has(name) && !known.has(name))).toEqual([]);
  });

  test("names none that it does not read", () => {
    expect([...documented].filter((name) => !used.has(name))).toEqual([]);
  });
});
