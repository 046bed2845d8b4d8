import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@flowplane/contract";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseRoles } from "../commands/server.ts";
import { CliError } from "../failure.ts";
import { makeFolder } from "../folders.ts";
import { AGENT_ID, refuse, someAgent, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { localOrigin, noteAddress } from "./address.ts";
import { lastWords } from "./child-agent.ts";
import { judgeStanding } from "./local-agent.ts";
import { LOG_BYTES_MAX, openLogFile } from "./log-file.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flowplane-up-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("what the local agent needs before it can connect", () => {
  const now = 1_000_000_000;
  const identity = { agentId: AGENT_ID, certificateExpiresAt: now + 3_600_000 };
  const route = `GET /api/v1/agents/${AGENT_ID}`;

  async function standing(agent: Parameters<typeof someAgent>[0] | null, known: typeof identity | null) {
    await using plane = await startFakeControlPlane({
      [route]: (_, response) =>
        agent === null ? refuse(response, 404, "not_found", "No.") : someAgent(agent),
    });
    const client = createClient({ origin: plane.origin });
    return await judgeStanding(client, known ?? { agentId: null, certificateExpiresAt: null }, now);
  }

  test("nothing here: enrol", async () => expect(await standing({}, null)).toBe("enrol"));
  test("known and good: nothing", async () => expect(await standing({}, identity)).toBe("ready"));
  test("the certificate ran out while the machine was off: enrol again", async () => {
    expect(await standing({}, { ...identity, certificateExpiresAt: now - 1 })).toBe("enrol_again");
  });
  test("a control plane that does not know it: a new one", async () => {
    expect(await standing(null, identity)).toBe("replace");
  });
  test("revoked: stays out, and says how to change that", async () => {
    await expect(standing({ state: "revoked" }, identity)).rejects.toThrow(CliError);
  });
});

test.each([
  [{ host: "127.0.0.1", port: 4300 }, "http://127.0.0.1:4300"],
  [{ host: "0.0.0.0", port: 80 }, "http://127.0.0.1:80"],
  [{ host: "::", port: 4300 }, "http://[::1]:4300"],
  [{ host: "fd00::1", port: 4300 }, "http://[fd00::1]:4300"],
])("%j is reached from here at %s", (listen, origin) => expect(localOrigin(listen)).toBe(origin));

test("the address is noted for other shells, replacing the one before", async () => {
  const file = join(folder, "data", "address");
  await noteAddress(file, "http://127.0.0.1:1");
  await noteAddress(file, "http://127.0.0.1:2");
  expect(readFileSync(file, "utf8")).toBe("http://127.0.0.1:2\n");
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("a log that has grown too large is put aside at the next start", () => {
  const file = join(folder, "logs", "agent.log");
  openLogFile(file);
  writeFileSync(file, "small\n");
  openLogFile(file);
  expect(readFileSync(file, "utf8")).toBe("small\n");
  truncateSync(file, LOG_BYTES_MAX + 1);
  openLogFile(file);
  expect([statSync(file).size, statSync(`${file}.1`).size]).toEqual([0, LOG_BYTES_MAX + 1]);
});

test("the last words of an agent are its sentence, not its log", () => {
  expect(lastWords('{"msg":"x"}\nflowplane: old.\n{"msg":1}\n{}\n{}\n{}\n{}\n')).toBeNull();
  expect(lastWords('{"msg":"x"}\nflowplane: The disk is full.\n  Free some space.\n')).toBe(
    "The disk is full.",
  );
  expect(lastWords("")).toBeNull();
});

describe("making folders", () => {
  test("makes what is missing, for the owner alone, and leaves what is there", () => {
    const path = join(folder, "a", "b");
    makeFolder(path);
    makeFolder(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test.runIf(process.platform === "linux")("ends with an error where none can be made", () => {
    expect(() => makeFolder("/proc/nope/logs")).toThrow("ENOENT");
  });
});

describe("roles of a server", () => {
  test("are put in order, once each", () => expect(parseRoles("worker, api,api")).toEqual(["api", "worker"]));
  test.each(["", "api,", "web"])("%j is refused", (text) =>
    expect(() => parseRoles(text)).toThrow("is no role"),
  );
});
