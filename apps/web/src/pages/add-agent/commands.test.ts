import { expect, test } from "vitest";
import { ADD_PLATFORMS } from "../../search.ts";
import { commandFor, isLoopback } from "./commands.ts";

const enrolment = {
  secret: "fpe_abc",
  agentsUrl: "https://fleet.example:4320",
  opampUrl: "wss://fleet.example/v1/opamp",
  archive: { url: "https://fleet.example:4320/agent.tgz", sha256: "4e4e" },
};

test("the lines for Linux fetch, check, unpack and start", () => {
  expect(commandFor("linux", enrolment)).toMatchInlineSnapshot(`
    "curl -fksSo flowplane-agent.tgz https://fleet.example:4320/agent.tgz \\
      && echo '4e4e  flowplane-agent.tgz' | sha256sum -c - \\
      && tar -xzf flowplane-agent.tgz \\
      && node flowplane-agent/dist/main.js start --data ~/.local/share/flowplane-agent --server https://fleet.example:4320 --token fpe_abc"
  `);
});

test("where there is no program to fetch, a clone is asked for", () => {
  expect(commandFor("linux", { ...enrolment, archive: null })).toMatch(/^npx flowplane agent enroll/);
  for (const platform of ["docker", "kubernetes"] as const)
    expect(commandFor(platform, { ...enrolment, archive: null })).toMatch(/^# .*npm start/);
});

test("a container fetches with Node, for its image has nothing else", () => {
  expect(commandFor("docker", enrolment)).toMatchInlineSnapshot(`
    "docker run -d --name flowplane-agent --init --restart unless-stopped \\
      -v flowplane-agent:/data -w /data -e FLOWPLANE_TOKEN=fpe_abc \\
      node:26-slim sh -c 'node -e "require(\\"https\\").get(\\"https://fleet.example:4320/agent.tgz\\",{rejectUnauthorized:false},r=>r.pipe(fs.createWriteStream(\\"agent.tgz\\")))" && echo "4e4e  agent.tgz" | sha256sum -c - && tar -xzf agent.tgz && exec node flowplane-agent/dist/main.js start --data /data/agent --server https://fleet.example:4320'"
  `);
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
