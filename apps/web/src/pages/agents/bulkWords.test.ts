import { expect, test } from "vitest";
import { relabelled, whatItTouches } from "./bulkWords.ts";

test("what an action touches is said in agents and sites", () => {
  expect(whatItTouches([{ site_id: "a" }])).toBe("1 agent in 1 site");
  expect(whatItTouches([{ site_id: "a" }, { site_id: "b" }, { site_id: "a" }])).toBe("3 agents in 2 sites");
});

test("a label is set or taken away, the others stay", () => {
  expect(relabelled({ env: "dev", role: "db" }, "env", "prod")).toEqual({ role: "db", env: "prod" });
  expect(relabelled({ env: "dev", role: "db" }, "env", undefined)).toEqual({ role: "db" });
  expect(relabelled({ role: "db" }, "env", undefined)).toEqual({ role: "db" });
});
