import { randomBytes, randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { api, upload, type AgentPackages, type ReleaseFile } from "@flowplane/contract";
import { eventually, startControlPlane, type ControlPlane } from "../harness/index.ts";
import { packageAgentBinary, startPackageAgent, type PackageAgent } from "./package-agent.ts";

// The package syncer of opamp-go's client library, which Collectors' distributions build on, against a real control plane: it
// downloads what it is offered, says what becomes of it, and deletes what it is not offered.

const binary = await packageAgentBinary();
if (binary === undefined)
  console.log("skipped: installing packages needs Go on PATH to build an agent that does");
const LIMIT_MS = 30_000;
const FILE_BYTES = 3 * 1024 * 1024;

describe.skipIf(binary === undefined)("packages for a client of opamp-go", { timeout: 120_000 }, () => {
  let plane: ControlPlane;
  let agent: PackageAgent;
  let agentId: string;
  const packageIds = new Map<string, string>();

  beforeAll(async () => {
    if (binary === undefined) return;
    plane = await startControlPlane();
    const { secret: token } = await plane.client.enrolmentTokenCreate({
      body: { name: "packages", approval: "automatic" },
    });
    agent = startPackageAgent(binary, {
      endpoint: `${plane.url.replace(/^http/, "ws")}/v1/opamp`,
      token,
      instanceUid: randomUUID(),
      hostName: "package-host",
    });
    agentId = await eventually(
      "the agent to be connected, and to say what it is",
      async () => {
        const { items } = await plane.client.agentList({ query: { state: "connected" } });
        return items.find(({ hostname }) => hostname === "package-host")?.id;
      },
      LIMIT_MS,
    );
  }, 300_000);
  afterAll(async () => {
    await agent?.[Symbol.asyncDispose]();
    await plane?.[Symbol.asyncDispose]();
  });

  /** A published release; the package is made with its first. Gives the file's id as well. */
  async function release(name: string, version: string, content: Buffer) {
    const { client } = plane;
    const packageId =
      packageIds.get(name) ?? (await client.packageCreate({ body: { name, type: "addon" } })).id;
    packageIds.set(name, packageId);
    const { id } = await client.releaseCreate({
      params: { package_id: packageId },
      body: { version, message: "a test" },
    });
    const params = { package_id: packageId, release_id: id };
    const file = (await upload(
      { origin: plane.url, headers: () => ({ authorization: `Bearer ${plane.key}` }) },
      api.releaseFilePut,
      { params, query: { os: "linux", arch: "amd64" } },
      new Blob([Uint8Array.from(content)]),
    )) as ReleaseFile;
    await client.releasePublish({ params });
    return { id, fileId: file.id };
  }

  const give = (release_ids: string[], drops: string[] = []) =>
    plane.client.agentPackagesPut({
      params: { agent_id: agentId },
      body: { release_ids, drops, reason: "a test" },
    });

  const become = (state: AgentPackages["state"]) =>
    eventually(
      `the packages to be ${state}; the agent says:\n${agent.output().slice(-2_000)}`,
      async () => {
        const now = await plane.client.agentPackages({ params: { agent_id: agentId } });
        return now.state === state ? now : undefined;
      },
      LIMIT_MS,
    );

  test("it installs a release, and the next one, and deletes what it is not offered any more", async () => {
    const [first, second] = [randomBytes(FILE_BYTES), randomBytes(FILE_BYTES)];
    const one = await release("rules", "1.0.0", first);
    const other = await release("extra", "7", Buffer.from("extra"));
    await give([one.id, other.id]);
    const installed = await become("installed");
    expect(installed.items).toMatchObject([
      { name: "extra", has_version: "7", status: "installed", error: "" },
      { name: "rules", has_version: "1.0.0", status: "installed", error: "" },
    ]);
    expect(agent.installed("rules")?.equals(first)).toBe(true);
    expect(agent.installed("extra")?.toString()).toBe("extra");

    const two = await release("rules", "1.1.0", second);
    await expect(give([two.id])).rejects.toMatchObject({ problem: { status: 409, code: "conflict" } });
    expect((await give([two.id], ["extra"])).set).not.toBeNull();
    const upgraded = await become("installed");
    expect(upgraded.items).toMatchObject([{ name: "rules", has_version: "1.1.0", status: "installed" }]);
    expect(
      upgraded.attempts.map(({ name, version, status }) => `${name} ${version} ${status}`).toSorted(),
    ).toEqual(["extra 7 installed", "rules 1.0.0 installed", "rules 1.1.0 installed"]);
    expect(agent.installed("rules")?.equals(second)).toBe(true);
    expect(agent.installed("extra")).toBeUndefined();
  });

  test("bytes that are not those that were offered it refuses, and its error is shown; a repaired file is taken when asked to retry", async () => {
    const content = randomBytes(FILE_BYTES);
    const { id, fileId } = await release("rules", "2.0.0", content);
    const stored = join(plane.dataDir, "objects", "packages", fileId);
    writeFileSync(stored, randomBytes(FILE_BYTES));
    const before = agent.installed("rules");
    await give([id]);
    const failed = await become("failed");
    expect(failed.items).toMatchObject([
      {
        name: "rules",
        has_version: "1.1.0",
        status: "install_failed",
        error: expect.stringContaining("hash mismatch"),
      },
    ]);
    expect(failed.items[0]?.sentence).toContain("It has 1.1.0 meanwhile.");
    // The library names the address, which is a credential.
    expect(JSON.stringify(failed)).toContain("/v1/opamp/packages/[REDACTED]");
    expect(agent.installed("rules")?.equals(before ?? Buffer.alloc(0))).toBe(true);

    writeFileSync(stored, content);
    await plane.client.agentPackagesRetry({ params: { agent_id: agentId }, body: { reason: "repaired" } });
    const repaired = await become("installed");
    expect(repaired.items).toMatchObject([{ has_version: "2.0.0", error: "" }]);
    expect(repaired.attempts.slice(0, 2).map(({ status }) => status)).toEqual([
      "installed",
      "install_failed",
    ]);
    expect(agent.installed("rules")?.equals(content)).toBe(true);
  });

  test("restarted, and after a restart of ours, it is offered nothing again, and keeps what it has", async () => {
    const offers = () =>
      agent.output().split("Downloading package").length + agent.output().split("already up to date").length;
    const before = offers();
    await agent.stop();
    plane = await plane.restart();
    agent.start();
    await eventually(
      "the agent to be connected again",
      async () => {
        const { state } = await plane.client.agentRead({ params: { agent_id: agentId } });
        return state === "connected" ? true : undefined;
      },
      LIMIT_MS,
    );
    expect((await become("installed")).items).toMatchObject([{ name: "rules", has_version: "2.0.0" }]);
    // The next offer is the only one it has had since.
    const content = randomBytes(100);
    await give([(await release("rules", "3.0.0", content)).id]);
    await eventually(
      "the next release to be installed",
      () => (agent.installed("rules")?.equals(content) === true ? true : undefined),
      LIMIT_MS,
    );
    expect(offers()).toBe(before + 1);
  });
});
