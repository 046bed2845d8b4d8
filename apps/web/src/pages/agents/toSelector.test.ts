import { expect, test } from "vitest";
import { selectorOfAgents, selectorOfFilter } from "./toSelector.ts";

const siteName = (id: string) => (id === "s1" ? "berlin" : undefined);

test.each([
  [{}, 'name != ""'],
  [{ kind: "collector", state: "connected" }, 'kind == "collector" && state == "connected"'],
  [
    { q: "state:stale offline", state: "connected" },
    '(state == "connected" || state == "stale" || state == "offline")',
  ],
  [{ site_id: "s1", q: "label.env=prod" }, 'site == "berlin" && labels["env"] == "prod"'],
  [{ q: 'site:"New York" site:berlin' }, '(site == "New York" || site == "berlin")'],
  [{ q: "version:<0.159" }, 'versionBelow(version, "0.159")'],
  [{ q: "version:>=v1.2" }, 'versionAtLeast(version, "1.2")'],
  [{ q: "version:1.2" }, '(versionAtLeast(version, "1.2") && versionAtLeast("1.2", version))'],
  [{ q: "os:Debian health:bad" }, 'os.lowerAscii().contains("debian") && health == "bad"'],
] as const)("%j is %s", (search, selector) => {
  expect(selectorOfFilter(search, siteName)).toEqual({ selector });
});

test("a word is looked for in names and labels", () => {
  expect(selectorOfFilter({ q: "DB" }, siteName)).toEqual({
    selector:
      '(name.lowerAscii().contains("db") || hostname.lowerAscii().contains("db") || labels.exists(key, labels[key].lowerAscii().contains("db")))',
  });
});

test("what a selector cannot say is named", () => {
  expect(selectorOfFilter({ q: "config_state:failed" }, siteName)).toEqual({
    problem: expect.stringContaining("config_state:failed") as string,
  });
  expect(selectorOfFilter({ site_id: "gone" }, siteName)).toHaveProperty("problem");
});

test("agents by name, and a filter without some", () => {
  const agent = (name: string, kind: "site" | "collector") => ({ name, kind });
  expect(selectorOfAgents([agent('a"b', "collector")])).toEqual({
    selector: 'kind == "collector" && name == "a\\"b"',
  });
  expect(selectorOfAgents([agent("a", "site"), agent("b", "collector")])).toEqual({
    selector: 'name in ["a", "b"]',
  });
  expect(selectorOfFilter({ kind: "site" }, siteName, [agent("a", "site")])).toEqual({
    selector: 'kind == "site" && !(name == "a")',
  });
  const many = Array.from({ length: 200 }, (_, index) => agent(`agent-${index}`, "site"));
  expect(selectorOfAgents(many)).toHaveProperty("problem");
});
