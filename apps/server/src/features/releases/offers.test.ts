import { createHash, randomBytes } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { AGENT_CAPABILITY, PackageStatusEnum, type PackagesAvailable } from "@flowplane/opamp";
import { newId } from "../../platform/context.ts";
import { testOrganization } from "../../testing/base.ts";
import {
  agentByUid,
  enrolMachine,
  message,
  newToken,
  open,
  openMachine,
  poll,
  send,
  startPlane,
  type MessageInit,
  type OpampSocket,
  type TestPlane,
} from "../../testing/gateway.ts";
import { ATTEMPTS_KEPT_MAX, CAPABILITY_MS } from "./limits.ts";
import { packageSource } from "./source.ts";
import { putSets, retrySet, withdrawPackages } from "./sets.ts";
import { release, upgrade } from "./testing.ts";
import { listPlacePage, readAgentPackages } from "./view.ts";

const SENDS_ONCE = AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.AcceptsPackages;
const REPORTS = SENDS_ONCE | AGENT_CAPABILITY.ReportsPackageStatuses;
const {
  PackageStatusEnum_Installed: INSTALLED,
  PackageStatusEnum_InstallFailed: FAILED,
  PackageStatusEnum_Downloading: DOWNLOADING,
  PackageStatusEnum_InstallPending: PENDING,
} = PackageStatusEnum;

let plane: TestPlane;
let clockAhead = 0;
afterEach(async () => {
  clockAhead = 0;
  await plane[Symbol.asyncDispose]();
});

async function start() {
  plane = await startPlane({
    now: () => Date.now() + clockAhead,
    sourcesOf: (base, enrolment) => [packageSource(base, enrolment)],
  });
}

const url = () => `ws://127.0.0.1:${plane.httpPort}/v1/opamp`;

/** A Collector on Linux that shows an enrolment token. */
async function collector(capabilities = REPORTS, platform: Record<string, string> = LINUX) {
  const uid = newId();
  const headers = { authorization: `Bearer ${(await newToken(plane)).secret}` };
  let sequence = 0;
  const next = (more: Omit<MessageInit, "$typeName"> = {}) =>
    message(uid, sequence++, { capabilities, ...more });
  const first = () => next({ agentDescription: { nonIdentifyingAttributes: attributes(platform) } });
  const socket = await open(url(), { headers });
  const reply = await socket.ask(first());
  const agent = await agentByUid(plane, uid);
  if (agent === undefined) throw new Error("not known");
  return { uid, headers, next, first, socket, reply, id: agent.id, name: agent.name };
}

const LINUX = { "os.type": "linux", "host.arch": "amd64" };

function attributes(all: Record<string, string>) {
  return Object.entries(all).map(([key, value]) => ({
    key,
    value: { value: { case: "stringValue" as const, value } },
  }));
}

async function offered(socket: OpampSocket): Promise<PackagesAvailable> {
  for (;;) {
    const { packagesAvailable } = await socket.next();
    if (packagesAvailable !== undefined) return packagesAvailable;
  }
}

const give = (agentId: string, ...release_ids: string[]) =>
  putSets(plane.ctx(), [agentId], { release_ids, drops: [], reason: "a test" });
const read = async (agentId: string) => {
  await plane.gateway.flush();
  return readAgentPackages(plane.ctx(), agentId);
};

/** What a client says of an offer's packages: `states` by name. */
function statuses(
  offer: PackagesAvailable,
  states: Record<string, { status: PackageStatusEnum; has?: string; error?: string; percent?: number }>,
): Pick<MessageInit, "packageStatuses"> {
  return {
    packageStatuses: {
      serverProvidedAllPackagesHash: offer.allPackagesHash,
      packages: Object.fromEntries(
        Object.entries(states).map(([name, { status, has, error, percent }]) => [
          name,
          {
            name,
            status,
            agentHasVersion: has ?? "",
            errorMessage: error ?? "",
            serverOfferedVersion: offer.packages[name]?.version ?? "",
            serverOfferedHash: offer.packages[name]?.hash ?? new Uint8Array(),
            ...(percent === undefined ? {} : { downloadDetails: { downloadPercent: percent } }),
          },
        ]),
      ),
    },
  };
}

function urlOf(offer: PackagesAvailable, name: string): string {
  return offer.packages[name]?.file?.downloadUrl ?? "";
}

describe("an offer", () => {
  test("opamp row 35: goes to nobody for whom nothing was said, and to nobody who does not accept packages", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const [fine, deaf] = [await collector(), await collector(AGENT_CAPABILITY.ReportsStatus)];
    await give(deaf.id, one.id);
    expect(fine.reply.packagesAvailable).toBeUndefined();
    for (const agent of [fine, deaf]) {
      await plane.gateway.catchUp();
      for (let count = 0; count < 2; count += 1)
        expect((await agent.socket.ask(agent.next())).packagesAvailable).toBeUndefined();
    }
    expect(await read(deaf.id)).toMatchObject({
      state: "held",
      sentence: expect.stringContaining("cannot be upgraded"),
    });
    expect(await read(fine.id)).toMatchObject({ state: "none", set: null, items: [] });
  });

  test("opamp row 36, opamp row 37: is the complete set, is sent unasked, and again only to who has another", async () => {
    await start();
    const content = randomBytes(1_000);
    const { release: one } = await release(plane.ctx(), "otelcol", "1.0.0", {
      "linux/amd64": content,
      "windows/amd64": "other",
    });
    const { release: two } = await release(plane.ctx(), "addon", "0.1");
    const agent = await collector();
    const pushed = offered(agent.socket);
    expect(await give(agent.id, one.id, two.id)).toEqual({ items: [{ agent_id: agent.id, held: null }] });
    const offer = await pushed;
    expect(offer.allPackagesHash.byteLength).toBe(32);
    expect(Object.keys(offer.packages).toSorted()).toEqual(["addon", "otelcol"]);
    expect(offer.packages["otelcol"]).toMatchObject({
      version: "1.0.0",
      file: { contentHash: Uint8Array.from(createHash("sha256").update(content).digest()) },
    });
    const says = async (more: Omit<MessageInit, "$typeName"> = {}) =>
      (await agent.socket.ask(agent.next(more))).packagesAvailable !== undefined;
    // Under way on this very socket.
    expect([await says(), await says()]).toEqual([false, false]);
    expect(await says({ packageStatuses: { serverProvidedAllPackagesHash: Uint8Array.of(1) } })).toBe(true);
    expect(await says(statuses(offer, {}))).toBe(false);
    expect(await says({ packageStatuses: { serverProvidedAllPackagesHash: Uint8Array.of(2) } })).toBe(true);
    expect(await says(statuses(offer, {}))).toBe(false);
    await plane.gateway.catchUp();
    expect(await says()).toBe(false);
  });

  test("comes with the first reply to who is away when it is made, and after a restart of ours", async () => {
    await start();
    const { packageId, release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    await agent.socket.close();
    await give(agent.id, one.id);
    const back = await open(url(), { headers: agent.headers });
    const first = (await back.ask(agent.first())).packagesAvailable;
    if (first === undefined) throw new Error("not offered");
    await back.ask(agent.next(statuses(first, { otelcol: { status: INSTALLED, has: "1" } })));
    await plane.gateway.flush();

    plane = await plane.restart();
    const again = await open(url(), { headers: agent.headers });
    // What it has is known without its saying so again.
    expect((await again.ask(agent.next())).packagesAvailable).toBeUndefined();
    await again.close();
    await give(agent.id, (await upgrade(plane.ctx(), packageId, "2")).id);
    const later = await open(url(), { headers: agent.headers });
    expect((await later.ask(agent.next())).packagesAvailable?.packages["otelcol"]?.version).toBe("2");
    await later.close();
  });

  test("over HTTP comes with polls until the agent says that it was offered it", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    await agent.socket.close();
    await give(agent.id, one.id);
    const ask = async (more: Omit<MessageInit, "$typeName"> = {}) =>
      (await poll(url().replace("ws", "http"), agent.next(more), { headers: agent.headers })).message
        ?.packagesAvailable;
    const offer = await ask();
    expect(offer?.packages["otelcol"]?.version).toBe("1");
    expect(await ask()).toBeDefined();
    expect(await ask(offer === undefined ? {} : statuses(offer, {}))).toBeUndefined();
  });

  test("is found by another process that the bus did not reach", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    const ctx = { ...plane.ctx(), bus: { ...plane.base.bus, publish: () => undefined } };
    await putSets(ctx, [agent.id], { release_ids: [one.id], drops: [], reason: "a test" });
    expect((await agent.socket.ask(agent.next())).packagesAvailable).toBeUndefined();
    const pushed = offered(agent.socket);
    await plane.gateway.catchUp();
    expect((await pushed).packages["otelcol"]?.version).toBe("1");
  });

  test("to an agent that does not report goes once, and once more for each retry", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector(SENDS_ONCE);
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    await pushed;
    expect((await agent.socket.ask(agent.next())).packagesAvailable).toBeUndefined();
    expect(await read(agent.id)).toMatchObject({
      state: "offered",
      sentence: expect.stringContaining("does not report"),
    });
    const retried = offered(agent.socket);
    await retrySet(plane.ctx(), agent.id, "once more");
    await retried;
    expect((await agent.socket.ask(agent.next())).packagesAvailable).toBeUndefined();
  });

  test("is held while there is no file for what the agent runs on, and goes out once it says something else", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1", { "linux/arm64": "x" });
    const agent = await collector();
    await give(agent.id, one.id);
    expect((await agent.socket.ask(agent.next())).packagesAvailable).toBeUndefined();
    expect(await read(agent.id)).toMatchObject({
      state: "held",
      sentence: expect.stringContaining("the agent runs on linux/amd64, and there is one for linux/arm64"),
    });
    const arm = attributes({ "os.type": "linux", "host.arch": "aarch64" });
    await agent.socket.ask(agent.next({ agentDescription: { nonIdentifyingAttributes: arm } }));
    await plane.gateway.flush();
    const pushed = offered(agent.socket);
    await plane.gateway.catchUp();
    expect((await pushed).packages["otelcol"]?.version).toBe("1");
  });

  test("withdrawn is not an empty one: the agent is sent nothing", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    await pushed;
    await withdrawPackages(plane.ctx(), agent.id);
    await plane.gateway.catchUp();
    const forgets = { packageStatuses: { serverProvidedAllPackagesHash: Uint8Array.of(1) } };
    expect((await agent.socket.ask(agent.next(forgets))).packagesAvailable).toBeUndefined();
  });

  test("has new addresses once the old ones are half worn out", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    const old = urlOf(await pushed, "otelcol");
    clockAhead = CAPABILITY_MS / 2 + 60_000;
    const other = { packageStatuses: { serverProvidedAllPackagesHash: Uint8Array.of(1) } };
    const { packagesAvailable: renewed } = await agent.socket.ask(agent.next(other));
    if (renewed === undefined) throw new Error("not offered");
    clockAhead = CAPABILITY_MS + 120_000;
    expect((await send(old)).status).toBe(403);
    expect((await send(urlOf(renewed, "otelcol"))).status).toBe(200);
  });
});

describe("opamp row 38: a download", () => {
  const content = randomBytes(150_000);

  async function address() {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1", { "any/any": content });
    const agent = await collector();
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    return { agent, release: one, url: urlOf(await pushed, "otelcol") };
  }

  test("is whole, in part, or its head alone, with and without headers", async () => {
    const { url, release: one } = await address();
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/v1\/opamp\/packages\/fpd_/);
    const etag = `"${one.files[0]?.sha256}"`;
    for (const headers of [{}, { authorization: "Bearer something else" }]) {
      const whole = await send(url, { headers });
      expect([whole.status, whole.body.equals(content)]).toEqual([200, true]);
      expect(whole.headers).toMatchObject({
        "content-length": "150000",
        "accept-ranges": "bytes",
        "content-type": "application/octet-stream",
        etag,
      });
      const part = await send(url, { headers: { ...headers, range: "bytes=100-199", "if-range": etag } });
      expect([part.status, part.headers["content-range"], part.headers["content-length"]]).toEqual([
        206,
        "bytes 100-199/150000",
        "100",
      ]);
      expect(part.body.equals(content.subarray(100, 200))).toBe(true);
    }
    const head = await send(url, { method: "HEAD" });
    expect([head.status, head.headers["content-length"], head.body.byteLength]).toEqual([200, "150000", 0]);
    const beyond = await send(url, { headers: { range: "bytes=150000-" } });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, "bytes */150000"]);
    expect((await send(url, { headers: { "if-none-match": etag } })).status).toBe(304);
    // Nothing packs it on its way, whatever the client would take.
    expect((await send(url, { headers: { "accept-encoding": "gzip, br" } })).headers).toMatchObject({
      "content-length": "150000",
    });
  });

  test("needs an address that was made for it, and no longer works once the agent is not to have it", async () => {
    const { agent, url } = await address();
    for (const wrong of [url.slice(0, -1), `${url}A`, url.replace("fpd_", "fpd_A"), url.replace("fpd_", "")])
      expect((await send(wrong)).status).toBe(404);
    await withdrawPackages(plane.ctx(), agent.id);
    expect((await send(url)).status).toBe(404);
  });

  test("of a revoked agent's, or by another control plane's address, is none", async () => {
    const { agent, url } = await address();
    const other = await startPlane({ sourcesOf: (base, enrolment) => [packageSource(base, enrolment)] });
    expect((await send(url.replace(String(plane.httpPort), String(other.httpPort)))).status).toBe(404);
    await other[Symbol.asyncDispose]();
    await plane.base.storage.system
      .updateTable("agents")
      .set({ revoked_at: new Date(), revoked_reason: "a test" })
      .where("id", "=", agent.id)
      .execute();
    expect((await send(url)).status).toBe(404);
  });

  test("is where the agent reaches us: on the agents' listener by TLS, without a certificate", async () => {
    await start();
    const machine = await enrolMachine(plane);
    const { release: one } = await release(plane.ctx(), "otelcol", "1", { "any/any": content });
    const socket = await openMachine(plane, machine);
    await socket.ask(message(machine.uid, 0, { capabilities: REPORTS }));
    const pushed = offered(socket);
    await give(machine.agentId, one.id);
    const url = urlOf(await pushed, "otelcol");
    expect(url).toContain(`https://127.0.0.1:${plane.agentsPort}/v1/opamp/packages/`);
    const whole = await send(url, { ca: plane.enrolment.authority.certificatePem, rejectUnauthorized: true });
    expect([whole.status, whole.body.equals(content)]).toEqual([200, true]);
    await socket.close();
  });

  test("is shown to nobody who looks at what was sent", async () => {
    const { agent, url } = await address();
    expect(JSON.stringify(plane.gateway.wire(agent.id))).toContain("/v1/opamp/packages/[REDACTED]");
    const capability = url.split("/").at(-1) ?? "";
    const error = `GET ${url}: connection refused`;
    await agent.socket.ask(
      agent.next({
        packageStatuses: {
          packages: {
            otelcol: {
              name: "otelcol",
              status: FAILED,
              errorMessage: error,
              serverOfferedHash: Uint8Array.of(1),
            },
          },
        },
      }),
    );
    const shown = await read(agent.id);
    expect(shown.items[0]?.error).toContain("connection refused");
    expect(JSON.stringify(shown)).not.toContain(capability);
  });
});

describe("what agents report", () => {
  test("is shown as it goes on: waiting, downloading, failed and why, and installed by the next release", async () => {
    await start();
    const { packageId, release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    expect(await read(agent.id)).toMatchObject({ state: "waiting" });
    const offer = await pushed;
    const say = async (state: Parameters<typeof statuses>[1][string]) => {
      await agent.socket.ask(agent.next(statuses(offer, { otelcol: { has: "0.9", ...state } })));
      return read(agent.id);
    };
    expect((await say({ status: PENDING })).items[0]?.sentence).toBe(
      "1 waits for the agent to begin. It has 0.9 meanwhile.",
    );
    expect(await say({ status: DOWNLOADING, percent: 41.6 })).toMatchObject({
      state: "offered",
      items: [
        { percent: expect.closeTo(41.6, 3), sentence: "1 is being downloaded, 42 %. It has 0.9 meanwhile." },
      ],
    });
    const failed = await say({ status: FAILED, error: "hash mismatch" });
    expect(failed).toMatchObject({
      state: "failed",
      items: [
        { error: "hash mismatch", sentence: "Installing 1 failed: hash mismatch. It has 0.9 meanwhile." },
      ],
      attempts: [{ name: "otelcol", version: "1", status: "install_failed", error: "hash mismatch" }],
    });

    const next = offered(agent.socket);
    await give(agent.id, (await upgrade(plane.ctx(), packageId, "2")).id);
    const second = await next;
    // opamp-go still names the error of the installation before.
    const installed = { status: INSTALLED, has: "2", error: "hash mismatch" };
    await agent.socket.ask(agent.next(statuses(second, { otelcol: installed })));
    const done = await read(agent.id);
    expect(done).toMatchObject({
      state: "installed",
      items: [{ status: "installed", error: "", sentence: "2 is installed." }],
    });
    expect(done.attempts.map(({ version, status }) => `${version} ${status}`)).toEqual([
      "2 installed",
      "1 install_failed",
    ]);
    const { items: places } = await listPlacePage(plane.ctx(), packageId, { limit: 10 });
    expect(places).toEqual([
      {
        agent_id: agent.id,
        agent_name: agent.name,
        wanted_version: "2",
        has_version: "2",
        status: "installed",
        sentence: "2 is installed.",
      },
    ]);
  });

  test("a set that failed is tried once more for who asks, and counts as another attempt", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    await expect(retrySet(plane.ctx(), agent.id, "try")).rejects.toThrow("nothing to retry");
    const pushed = offered(agent.socket);
    await give(agent.id, one.id);
    const offer = await pushed;
    await agent.socket.ask(agent.next(statuses(offer, { otelcol: { status: FAILED, error: "no space" } })));
    const again = offered(agent.socket);
    await retrySet(plane.ctx(), agent.id, "there is room now");
    const second = await again;
    expect(second.allPackagesHash).toEqual(offer.allPackagesHash);
    // All within one write: nothing of it is lost.
    for (const status of [DOWNLOADING, INSTALLED])
      await agent.socket.ask(agent.next(statuses(second, { otelcol: { status, has: "1" } })));
    expect((await read(agent.id)).attempts.map(({ status }) => status)).toEqual([
      "installed",
      "install_failed",
    ]);
    // Restarted, the agent counts from the beginning; the retry is over.
    await agent.socket.close();
    const back = await open(url(), { headers: agent.headers });
    const known = statuses(second, { otelcol: { status: INSTALLED, has: "1" } });
    const restarted = await back.ask(message(agent.uid, 0, { capabilities: REPORTS, ...known }));
    expect(restarted.packagesAvailable).toBeUndefined();
    await back.close();
  });

  test("of packages without end, the first are kept, and the newest attempts", async () => {
    await start();
    const agent = await collector();
    const many = Object.fromEntries(
      Array.from({ length: ATTEMPTS_KEPT_MAX + 20 }, (_, index) => {
        const name = `p${String(index).padStart(3, "0")}`;
        return [
          name,
          { name, status: INSTALLED, agentHasVersion: "1", serverOfferedHash: Uint8Array.of(index) },
        ];
      }),
    );
    await agent.socket.ask(agent.next({ packageStatuses: { packages: many } }));
    const shown = await read(agent.id);
    expect(shown.items).toHaveLength(ATTEMPTS_KEPT_MAX + 20);
    expect(shown.attempts).toHaveLength(ATTEMPTS_KEPT_MAX);
    await agent.socket.ask(agent.next({ packageStatuses: { packages: {} } }));
    expect((await read(agent.id)).items).toEqual([]);
  });

  test("what it has by its own word is not dropped unsaid", async () => {
    await start();
    const { release: one } = await release(plane.ctx(), "otelcol", "1");
    const agent = await collector();
    const has = { extra: { name: "extra", status: INSTALLED, agentHasVersion: "3" } };
    await agent.socket.ask(agent.next({ packageStatuses: { packages: has } }));
    await plane.gateway.flush();
    await expect(give(agent.id, one.id)).rejects.toThrow(`${agent.name} would delete extra`);
    await putSets(plane.ctx(), [agent.id], { release_ids: [one.id], drops: ["extra"], reason: "a test" });
  });

  test("is of its own organization", async () => {
    await start();
    const agent = await collector();
    const { ctx } = await testOrganization(plane.base);
    await expect(readAgentPackages(ctx, agent.id)).rejects.toMatchObject({ code: "not_found" });
  });
});
