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

test("agents by their ids, namesakes apart, and a filter without some", () => {
  const agent = (id: string) => ({ id, name: "edge" });
  expect(selectorOfAgents([agent("a1")])).toEqual({ selector: 'id == "a1"' });
  expect(selectorOfAgents([agent("a1"), agent("a2")])).toEqual({ selector: 'id in ["a1", "a2"]' });
  expect(selectorOfFilter({ kind: "site" }, siteName, [agent("a1")])).toEqual({
    selector: 'kind == "site" && !(id == "a1")',
  });
});

test("as many as a selector has room for can be named, and how many that is is said", () => {
  const uuids = Array.from({ length: 200 }, (_, index) => ({
    id: `0197c000-0000-7000-8000-${String(index).padStart(12, "0")}`,
  }));
  expect(selectorOfAgents(uuids.slice(0, 199))).toHaveProperty("selector");
  expect(selectorOfAgents(uuids)).toEqual({
    problem: expect.stringContaining("At most 199 agents") as string,
  });
});
