import { expect, test } from "vitest";
import { parseAgentQuery } from "./query.ts";

const EMPTY = {
  words: [],
  kinds: [],
  states: [],
  healths: [],
  healthLevels: [],
  sites: [],
  os: [],
  versions: [],
  configurations: [],
  configStates: [],
  labels: [],
};

function check(text: string, expected: object): void {
  expect(parseAgentQuery(text)).toEqual({ ok: true, query: { ...EMPTY, ...expected } });
}

function refuse(text: string, problem: RegExp): void {
  const parsed = parseAgentQuery(text);
  expect(parsed.ok ? "accepted" : parsed.problem).toMatch(problem);
}

test("an empty filter matches everything", () => {
  check("", {});
  check("   ", {});
});

test("words, states, filters and labels", () => {
  check("db", { words: ["db"] });
  check("db offline", { words: ["db"], states: ["offline"] });
  check("kind:collector site:berlin", { kinds: ["collector"], sites: ["berlin"] });
  check("health:bad", { healths: ["bad"] });
  check("health_level:warning", { healthLevels: ["warning"] });
  check("configuration:edge config_state:failed", { configurations: ["edge"], configStates: ["failed"] });
  check('site:"north sea"', { sites: ["north sea"] });
  check("version:<0.159", { versions: [{ operator: "<", version: "0.159" }] });
  check("version:v1.2.3", { versions: [{ operator: "=", version: "1.2.3" }] });
  check("label.env=prod label.k8s.io/zone=a=b", {
    labels: [
      { key: "env", value: "prod" },
      { key: "k8s.io/zone", value: "a=b" },
    ],
  });
});

test("what cannot be meant is refused with what can", () => {
  refuse("kind:robot", /no kind "robot".*site, collector, gateway/);
  refuse("state:asleep", /no state "asleep"/);
  refuse("health:meh", /no health "meh"; it is good, bad, unknown/);
  refuse("health_level:meh", /no level of health "meh"; the levels are healthy, warning/);
  refuse("version:new", /"new" is no version/);
  refuse("colour:red", /no filter "colour:"/);
  refuse("kind:", /Write a value after kind:/);
  refuse("a ".repeat(21), /more than 20 words/);
});
