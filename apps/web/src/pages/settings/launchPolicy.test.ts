import { expect, test } from "vitest";
import { LaunchPolicy } from "@flowplane/contract";
import { launchPolicyFormOf, readLaunchPolicy } from "./launchPolicy.ts";

test.each([
  {},
  {
    allow: ["/usr/bin/*"],
    deny: ["/usr/bin/docker"],
    inherit: [],
    users: ["etl", "1000"],
    require_limits: true,
  },
  {
    isolation: ["container", "idle"],
    isolation_default: { mode: "container", image: "alpine:3" },
    inherit: ["PATH"],
  },
])("%j survives being edited", (raw) => {
  const policy = LaunchPolicy.parse(raw);
  expect(readLaunchPolicy(launchPolicyFormOf(policy), policy)).toEqual({ policy });
});

test("the default follows when its kind is no longer allowed", () => {
  const before = LaunchPolicy.parse({});
  const form = { ...launchPolicyFormOf(before), isolation: ["idle" as const] };
  expect(readLaunchPolicy(form, before)).toMatchObject({ policy: { isolation_default: { mode: "idle" } } });
});

test.each([
  [{ isolation: [] }, /one kind/],
  [{ isolation: ["container" as const] }, /needs an image/],
  [{ inherit: "PATH 9X" }, /inherit/],
  [{ users: "a/b" }, /users/],
])("%j is told", (part, message) => {
  const before = LaunchPolicy.parse({});
  const read = readLaunchPolicy({ ...launchPolicyFormOf(before), ...part }, before);
  expect("problem" in read ? read.problem : "").toMatch(message);
});
