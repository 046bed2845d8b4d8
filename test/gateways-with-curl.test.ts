import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "./harness/control-plane.ts";
import { patternOf, runScript, stepsOf } from "./harness/guide.ts";

const ROOT = resolve(import.meta.dirname, "..");
const steps = stepsOf(readFileSync(join(ROOT, "docs/guides/gateways-with-curl.md"), "utf8"));

let plane: ControlPlane;
let folder: string;
let env: Record<string, string>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "flowplane-guide-"));
  symlinkSync(join(ROOT, "apps/cli/bin/flowplane.mjs"), join(folder, "flowplane"));
  plane = await startControlPlane();
  env = {
    ...plane.env,
    PATH: `${folder}${delimiter}${plane.env["PATH"]}`,
    BACKEND_URL: plane.url,
    // No configuration of whoever runs this.
    CURL_HOME: folder,
    HOME: folder,
  };
}, 60_000);
afterAll(async () => {
  await plane?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

describe("the guide to gateways with curl, done", () => {
  test("has steps, and says what they print", () => {
    expect(steps.filter(({ expected }) => expected.length > 0).length).toBeGreaterThanOrEqual(6);
  });

  test.each(steps)("step %#", { timeout: 60_000 }, async ({ script, expected }) => {
    const { code, output } = await runScript(
      script.replaceAll("http://127.0.0.1:4300", plane.url),
      env,
      folder,
    );
    expect(output).toMatch(patternOf(expected));
    expect(code, output).toBe(0);
  });
});

describe("the curl lines of FlowGate's reference, with another host and port and nothing else", () => {
  const curl = async (command: string) => {
    const line = command.replaceAll("http://localhost:8000", plane.url);
    const { code, output } = await runScript(line.replace("curl ", "curl -sS "), env, folder);
    expect(code, output).toBe(0);
    return JSON.parse(output) as Record<string, string>;
  };

  test("from the token to the status", { timeout: 60_000 }, async () => {
    writeFileSync(join(folder, ".curlrc"), `oauth2-bearer = "${plane.key}"\n`, { mode: 0o600 });
    const me = await curl(`curl "http://localhost:8000/api/v1/me"`);
    const { id: organization } = me["organization"] as unknown as { id: string };

    const registration =
      await curl(`curl -X POST "http://localhost:8000/api/v1/registration-tokens?org_id=${organization}" \\
     -H "Content-Type: application/json" \\
     -d '{"name": "Gateway Registration", "expires_in_days": 30}'`);

    const gateway = await curl(`curl -X POST "http://localhost:8000/api/v1/gateways" \\
      -H "Authorization: Bearer ${registration["token"]}" \\
      -H "Content-Type: application/json" \\
      -d '{
  "name": "FlowGate Gateway",
  "instance_id": "gateway-9",
  "hostname": "gateway.example.com",
  "ip_address": "192.168.1.100",
  "metadata": {
    "version": "1.0.0",
    "otel_version": "0.88.0",
    "capabilities": ["AcceptsRemoteConfig", "ReportsEffectiveConfig"]
  }
}'`);
    expect(gateway).toMatchObject({ instance_id: "gateway-9", status: "registered" });

    // The header of the line wins over the credential of the file.
    expect(
      await curl(`curl -X POST "http://localhost:8000/api/v1/opamp/heartbeat/gateway-9" \\
  -H "Authorization: Bearer ${gateway["opamp_token"]}"`),
    ).toEqual({ status: "ok", gateway_id: gateway["id"] });

    const status = await curl(
      `curl "http://localhost:8000/api/v1/gateways/${gateway["id"]}/status?org_id=${organization}"`,
    );
    expect(Object.keys(status)).toEqual(
      expect.arrayContaining(["gateway_id", "instance_id", "name", "health", "version", "config", "metrics"]),
    );
    expect(status["health"]).toMatchObject({ status: "healthy", health_score: 100 });
  });
});
