import { expect, test } from "vitest";
import { ADD_PLATFORMS } from "../../search.ts";
import { commandFor, isLoopback } from "./commands.ts";

const enrolment = {
  secret: "fpe_abc",
  agentsUrl: "https://fleet.example:4320",
  opampUrl: "wss://fleet.example/v1/opamp",
  version: "0.1.0",
};

test("the line for Linux", () => {
  expect(commandFor("linux", enrolment)).toMatchInlineSnapshot(
    `"flowplane agent enroll --server https://fleet.example:4320 --token fpe_abc && flowplane agent run"`,
  );
});

test("the block for a collector", () => {
  expect(commandFor("collector", enrolment)).toMatchInlineSnapshot(`
    "extensions:
      opamp:
        server:
          ws:
            endpoint: wss://fleet.example/v1/opamp
            headers:
              Authorization: "Bearer fpe_abc"
        capabilities:
          reports_effective_config: true
          reports_health: true
    service:
      extensions: [opamp]"
  `);
});

test.each(ADD_PLATFORMS)("%s carries the token", (platform) => {
  expect(commandFor(platform, enrolment)).toContain("fpe_abc");
});

test("a container reaches a loopback control plane through the host's network", () => {
  expect(commandFor("docker", enrolment)).not.toContain("--network host");
  expect(commandFor("docker", { ...enrolment, agentsUrl: "https://127.0.0.1:4320" })).toContain(
    "--network host",
  );
});

test.each([
  ["https://127.0.0.1:4320", true],
  ["https://localhost:4320", true],
  ["https://[::1]:4320", true],
  ["https://10.0.0.4:4320", false],
  ["https://localhost.example", false],
])("%s is loopback: %s", (url, expected) => {
  expect(isLoopback(url)).toBe(expected);
});
