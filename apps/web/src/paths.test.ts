import { expect, test } from "vitest";
import { AGENT_TABS, pathOfResource, paths } from "./paths.ts";
import { agentsSearch, parseSearch, runSearch, stringifySearch } from "./search.ts";

/** The address a link leads to, as it stands after the origin. */
function address(
  link: { to: string; params?: object; search?: object | ((now: object) => object) } | undefined,
): string {
  if (link === undefined) return "none";
  const path = link.to.replace(/\$(\w+)/g, (_, name: string) =>
    String((link.params as Record<string, string>)[name]),
  );
  const search = typeof link.search === "function" ? link.search({ q: "kept" }) : link.search;
  return path + stringifySearch({ ...search });
}

test("every place has its address", () => {
  const links = [
    paths.overview(),
    paths.agents(),
    paths.agents({ q: "label.env=prod", state: "offline", sort: "last_seen_at", order: "desc" }),
    ...AGENT_TABS.map((tab) => paths.agentTab("a1", tab)),
    paths.runs({ active: "true" }),
    paths.run("r1"),
    paths.run("r1", { line: 123, find: "a b" }),
    paths.tokens(),
    paths.bearers(),
    paths.apiTokens(),
    paths.members(),
    paths.audit({ actor_id: "u1" }),
    paths.signIn(),
    paths.addAgent("docker"),
    paths.launchRun("a1"),
    paths.closeDialog(),
  ];
  expect(links.map(address)).toMatchInlineSnapshot(`
    [
      "/",
      "/agents",
      "/agents?q=label.env%3Dprod&state=offline&sort=last_seen_at&order=desc",
      "/agents/a1",
      "/agents/a1/runs",
      "/agents/a1/configuration",
      "/agents/a1/identity",
      "/agents/a1/wire",
      "/runs?active=true",
      "/runs/r1",
      "/runs/r1?line=123&find=a+b",
      "/tokens",
      "/tokens/bearers",
      "/tokens/api",
      "/members",
      "/audit?actor_id=u1",
      "/sign-in",
      ".?q=kept&add=docker",
      ".?q=kept&launch=a1",
      ".?q=kept",
    ]
  `);
});

test.each([
  ["agent", "a1", "/agents/a1"],
  ["agents", "state:offline", "/agents?q=state%3Aoffline"],
  ["run", "r1", "/runs/r1"],
  ["enrolment_token", "t1", "/tokens"],
  ["bearer", "b1", "/tokens/bearers"],
  ["api_token", "k1", "/tokens/api"],
  ["member", "m1", "/members"],
  ["organization", "o1", "none"],
])("%s %s is shown at %s", (type, id, expected) => {
  expect(address(pathOfResource(type, id))).toBe(expected);
});

test("what an address says and what no page understands", () => {
  expect(agentsSearch(parseSearch("?q=5&state=offline&kind=toaster&order=up"))).toEqual({
    q: "5",
    state: "offline",
  });
  expect(runSearch(parseSearch("?line=123&find=x&view=all"))).toEqual({ line: 123, find: "x" });
  expect(runSearch(parseSearch("?line=-1"))).toEqual({});
});
