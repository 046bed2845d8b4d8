import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { expect, test } from "vitest";
import { ControlPlane } from "../../test/control-plane.ts";
import { eventually, makeFolder } from "../../test/harness.ts";
import { agentStatus, enrol, runAgent } from "../index.ts";

test("enrolling: key first and for the owner only, then the certificate", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  expect(agentStatus(folder.path)).toMatchObject({ enrolment: "none", process: null });
  const enrolled = await enrol({ dataDir: folder.path, token: plane.token() });
  expect(enrolled).toMatchObject({ agentId: "agent-1", organizationId: "org" });
  expect(agentStatus(folder.path)).toMatchObject({
    enrolment: "enrolled",
    agentId: "agent-1",
    certificateExpiresAt: enrolled.certificateExpiresAt,
  });
  expect(statSync(join(folder.path, "identity.json")).mode & 0o777).toBe(0o600);
  await expect(enrol({ dataDir: folder.path, token: plane.token() })).rejects.toThrow(/enrolled already/);
});

test("waiting for approval, the same key and uid ask again, also after a restart", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  plane.approved = false;
  const stop = new AbortController();
  const waits: string[] = [];
  const first = enrol({
    dataDir: folder.path,
    token: plane.token(),
    signal: stop.signal,
    onWaiting: ({ reason, retryInMs }) => {
      waits.push(`${reason} ${retryInMs}`);
      stop.abort();
    },
  });
  await expect(first).rejects.toThrow();
  expect(waits).toEqual(["pending 1000"]);
  expect(agentStatus(folder.path).enrolment).toBe("pending");
  const pending = readFileSync(join(folder.path, "enrolment.json"), "utf8");
  expect(statSync(join(folder.path, "enrolment.json")).mode & 0o777).toBe(0o600);

  plane.approved = true;
  const enrolled = await enrol({ dataDir: folder.path, token: plane.token() });
  expect(JSON.parse(pending)).toMatchObject({ instance_uid: enrolled.instanceUid });
  expect(JSON.parse(readFileSync(join(folder.path, "identity.json"), "utf8"))).toMatchObject({
    private_key: (JSON.parse(pending) as { private_key: string }).private_key,
  });
});

test("a server that is down is waited for; one that refuses is not", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  const token = plane.token();
  await plane.close();
  const waited = Promise.withResolvers<string>();
  const enrolling = enrol({ dataDir: folder.path, token, onWaiting: ({ reason }) => waited.resolve(reason) });
  expect(await waited.promise).toBe("unreachable");
  plane.refuse = { status: 403 };
  await plane.listen();
  await expect(enrolling).rejects.toThrow(
    "The control plane did not let this agent in: The token was used up.",
  );
});

async function checkProblem(token: string, expected: RegExp) {
  using folder = makeFolder();
  await expect(enrol({ dataDir: folder.path, token })).rejects.toThrow(expected);
}

test("a token of another control plane, and text that is no token, are refused before anything is sent", async () => {
  await using plane = await ControlPlane.start();
  await checkProblem(plane.token("00".repeat(32)), /is not the one this token was made for/);
  await checkProblem("hello", /This is no enrolment token/);
  expect(plane.certificates).toEqual([]);
});

test("unusable data folders and a second agent are each one clear sentence", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  const stop = new AbortController();
  const file = join(folder.path, "file");
  writeFileSync(file, "");
  await expect(enrol({ dataDir: file, token: plane.token() })).rejects.toThrow(
    /is a file where a folder is needed/,
  );
  await expect(enrol({ dataDir: join(file, "sub"), token: plane.token() })).rejects.toThrow(
    /is a file where a folder is needed/,
  );

  const damaged = join(folder.path, "damaged");
  mkdirSync(damaged);
  writeFileSync(join(damaged, "identity.json"), "{");
  await expect(runAgent({ dataDir: damaged }, stop.signal)).rejects.toThrow(/identity.json is damaged/);
});

test("an agent that runs on its own joins as soon as it is enrolled", async () => {
  await using plane = await ControlPlane.start();
  using folder = makeFolder();
  const stop = new AbortController();
  const running = runAgent({ dataDir: folder.path, log: pino({ level: "silent" }) }, stop.signal);
  await eventually(() => agentStatus(folder.path).process);
  expect(agentStatus(folder.path).enrolment).toBe("none");
  const { agentId } = await enrol({ dataDir: folder.path, token: plane.token() });
  await eventually(() => plane.isLinked);
  expect(agentStatus(folder.path)).toMatchObject({ enrolment: "enrolled", agentId });
  // Its identity is its own affair from now on.
  await expect(enrol({ dataDir: folder.path, token: plane.token(), again: true })).rejects.toThrow(
    /Another agent is running/,
  );
  stop.abort();
  await running;
});
