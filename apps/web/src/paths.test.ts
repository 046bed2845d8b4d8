import { expect, test } from "vitest";
import { AGENT_TABS, CONFIGURATION_TABS, JOB_TABS, pathOfResource, paths, POLICY_TABS } from "./paths.ts";
import {
  agentsSearch,
  configurationSearch,
  incidentsSearch,
  jobsSearch,
  newRolloutSearch,
  parseSearch,
  policySearch,
  rolloutSearch,
  runSearch,
  runsSearch,
  stringifySearch,
  telemetrySearch,
} from "./search.ts";

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
    paths.run("r1", { log: "patterns" }),
    paths.runs({ job_id: "j1", group: "job" }),
    paths.incidents({ state: "all", category: "loop", severity: "critical", site_id: "s1", job_id: "j1" }),
    paths.incident("i1"),
    paths.detect(),
    paths.jobs({ q: "import" }),
    paths.jobCalendar(),
    paths.newJob(),
    ...JOB_TABS.map((tab) => paths.jobTab("j1", tab)),
    paths.editJob("j1"),
    paths.policies(),
    paths.newPolicy(),
    ...POLICY_TABS.map((tab) => paths.policyTab("p1", tab)),
    paths.policyTab("p1", "compare", { comparison: "c1" }),
    paths.editPolicy("p1", { version: 2, suggestion: 1 }),
    paths.configurations({ q: "edge" }),
    paths.newConfiguration("a1"),
    ...CONFIGURATION_TABS.map((tab) => paths.configurationTab("c1", tab)),
    paths.configurationTab("c1", "versions", { version: 7, from: 5 }),
    paths.packages({ q: "otel" }),
    paths.package("k1"),
    paths.rollouts({ state: "paused" }),
    paths.rollout("o1", { state: "failed", wave: 2, reason_code: "crashed" }),
    paths.newRollout({ configuration_id: "c1", version: 7, selector: 'site == "berlin"' }),
    paths.secrets(),
    paths.sites(),
    paths.retention(),
    paths.tokens(),
    paths.bearers(),
    paths.apiTokens(),
    paths.members(),
    paths.audit({ actor_id: "u1" }),
    paths.signIn(),
    paths.addAgent("docker"),
    paths.launchRun("a1"),
    paths.launchRun("a1", "r1"),
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
      "/agents/a1/packages",
      "/agents/a1/telemetry",
      "/agents/a1/identity",
      "/agents/a1/wire",
      "/runs?active=true",
      "/runs/r1",
      "/runs/r1?line=123&find=a+b",
      "/runs/r1?log=patterns",
      "/runs?job_id=j1&group=job",
      "/incidents?state=all&category=loop&severity=critical&site_id=s1&job_id=j1",
      "/incidents/i1",
      "/incidents/saved-log",
      "/jobs?q=import",
      "/jobs/calendar",
      "/jobs/new",
      "/jobs/j1",
      "/jobs/j1/schedule",
      "/jobs/j1/definition",
      "/jobs/j1/edit",
      "/policies",
      "/policies/new",
      "/policies/p1",
      "/policies/p1/versions",
      "/policies/p1/compare",
      "/policies/p1/suggestions",
      "/policies/p1/compare?comparison=c1",
      "/policies/p1/edit?version=2&suggestion=1",
      "/configurations?q=edge",
      "/configurations/new?agent_id=a1",
      "/configurations/c1",
      "/configurations/c1/preview",
      "/configurations/c1/versions",
      "/configurations/c1/places",
      "/configurations/c1/settings",
      "/configurations/c1/versions?version=7&from=5",
      "/packages?q=otel",
      "/packages/k1",
      "/rollouts?state=paused",
      "/rollouts/o1?state=failed&wave=2&reason_code=crashed",
      "/rollouts/new?configuration_id=c1&version=7&selector=site+%3D%3D+%22berlin%22",
      "/settings",
      "/settings/sites",
      "/settings/retention",
      "/tokens",
      "/tokens/bearers",
      "/tokens/api",
      "/members",
      "/audit?actor_id=u1",
      "/sign-in",
      ".?q=kept&add=docker",
      ".?q=kept&launch=a1",
      ".?q=kept&launch=a1&like=r1",
      ".?q=kept",
    ]
  `);
});

test.each([
  ["agent", "a1", "/agents/a1"],
  ["agents", "state:offline", "/agents?q=state%3Aoffline"],
  ["run", "r1", "/runs/r1"],
  ["incident", "i1", "/incidents/i1"],
  ["job", "j1", "/jobs/j1"],
  ["policy", "p1", "/policies/p1"],
  ["configuration", "c1", "/configurations/c1"],
  ["rollout", "o1", "/rollouts/o1"],
  ["package", "k1", "/packages/k1"],
  ["secret", "KEY", "/settings"],
  ["site", "s1", "/settings/sites"],
  ["retention", "o1", "/settings/retention"],
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
  expect(runSearch(parseSearch("?log=patterns&line=7"))).toEqual({ line: 7, log: "patterns" });
  expect(runsSearch(parseSearch("?job_id=j1&group=job&state=NOPE"))).toEqual({ job_id: "j1", group: "job" });
  expect(incidentsSearch(parseSearch("?state=all&category=failed_stop&severity=mild"))).toEqual({
    state: "all",
    category: "failed_stop",
  });
  expect(jobsSearch(parseSearch("?q=x&archived=yes"))).toEqual({ q: "x" });
  expect(configurationSearch(parseSearch("?version=7&from=x&line=12&overlay=prod"))).toEqual({
    version: 7,
    line: 12,
    overlay: "prod",
  });
  expect(rolloutSearch(parseSearch("?state=failed&wave=0&reason_code=crashed&view=list"))).toEqual({
    state: "failed",
    reason_code: "crashed",
  });
  expect(newRolloutSearch(parseSearch("?configuration_id=c1&version=2"))).toEqual({
    configuration_id: "c1",
    version: 2,
  });
  expect(telemetrySearch(parseSearch("?range=2h&signal=logs"))).toEqual({ signal: "logs" });
  expect(policySearch(parseSearch("?version=2&comparison=c1&suggestion=0"))).toEqual({
    version: 2,
    comparison: "c1",
  });
});
