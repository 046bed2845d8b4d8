import { afterEach, describe, expect, test } from "vitest";
import {
  AGENT_CAPABILITY,
  ConnectionSettingsStatuses,
  opampOfferProblems,
  type OpAMPConnectionSettings,
} from "@flowplane/opamp";
import { api } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import {
  agentByUid,
  enrolMachine,
  message,
  newToken,
  open,
  poll,
  startPlane,
  tryOpen,
  until,
  type OpampSocket,
  type PlaneOptions,
  type TestPlane,
} from "../../testing/gateway.ts";
import { telemetryOffers } from "../telemetry/offer.ts";
import { offerConnection, readConnection, withdrawConnection } from "./connections.ts";
import { connectionSource } from "./source.ts";

const { APPLYING, FAILED } = {
  APPLYING: ConnectionSettingsStatuses.ConnectionSettingsStatuses_APPLYING,
  FAILED: ConnectionSettingsStatuses.ConnectionSettingsStatuses_FAILED,
};
const TAKES = AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.AcceptsOpAMPConnectionSettings;
const REPORTS = TAKES | AGENT_CAPABILITY.ReportsConnectionSettingsStatus;

let plane: TestPlane;
let clockAhead = 0;
afterEach(async () => {
  clockAhead = 0;
  await plane[Symbol.asyncDispose]();
});

async function start(options: PlaneOptions = {}) {
  plane = await startPlane({
    now: () => Date.now() + clockAhead,
    sourcesOf: (base, enrolment) => [telemetryOffers(base, enrolment), connectionSource(base)],
    ...options,
  });
}

/** A Collector that shows an enrolment token, and takes connection settings. */
async function collector(capabilities = REPORTS) {
  const uid = newId();
  const { secret: token } = await newToken(plane);
  const url = `ws://127.0.0.1:${plane.httpPort}/v1/opamp`;
  const headers = { authorization: `Bearer ${token}` };
  const socket = await open(url, { headers });
  await socket.ask(message(uid, 0, { capabilities }));
  return { uid, url, token, headers, socket, id: await idOf(uid), capabilities };
}

async function idOf(uid: string): Promise<string> {
  const agent = await agentByUid(plane, uid);
  if (agent === undefined) throw new Error("not known");
  return agent.id;
}

const asked = (more: object = {}) => api.agentConnectionOffer.body.parse({ reason: "rotation", ...more });
const offer = (id: string, more: object = {}) =>
  offerConnection(plane.ctx(), plane.enrolment, id, asked(more));
const read = async (id: string) => (await readConnection(plane.ctx(), id)).offer;

async function nextSettings(
  socket: OpampSocket,
): Promise<{ opamp: OpAMPConnectionSettings; hash: Uint8Array }> {
  for (;;) {
    const { connectionSettings } = await socket.next();
    if (connectionSettings?.opamp !== undefined)
      return { opamp: connectionSettings.opamp, hash: Uint8Array.from(connectionSettings.hash) };
  }
}

function authorizationOf({ headers }: OpAMPConnectionSettings): string {
  return headers?.headers.find(({ key }) => key === "Authorization")?.value ?? "";
}

test("opamp row 42: an offer is complete, goes to the address the agent came by, and is no other agent's", async () => {
  await start();
  const agent = await collector();
  const { offer: made, secret, warnings } = await offer(agent.id);
  expect(made).toMatchObject({ state: "offered", endpoint: agent.url, retire_old: true });
  expect(warnings).toEqual([]);
  const { opamp } = await nextSettings(agent.socket);
  expect(opampOfferProblems(opamp)).toEqual([]);
  expect(opamp.destinationEndpoint).toBe(agent.url);
  expect(authorizationOf(opamp)).toBe(`Bearer ${secret}`);
  expect(opamp.heartbeatIntervalSeconds).toBe(30n);
  // Without it a supervisor verifies nobody at all.
  expect(opamp.certificate).toBeDefined();
  // The credential is in the clear nowhere but on its way.
  expect(JSON.stringify(plane.gateway.wire(agent.id))).not.toContain(secret);
  const stored = await plane.base.storage.system.selectFrom("connection_offers").selectAll().execute();
  expect(JSON.stringify(stored)).not.toContain(secret);
  await agent.socket.close();
});

test("opamp row 44: old credentials are good until the agent comes with the new one, and end then; the new socket stays", async () => {
  await start();
  const agent = await collector();
  await offer(agent.id);
  const { opamp } = await nextSettings(agent.socket);
  const again = await open(agent.url, { headers: agent.headers });
  expect((await again.ask(message(agent.uid, 1))).errorResponse).toBeUndefined();

  // The old socket is still open: no second agent, though another credential.
  const moved = await open(opamp.destinationEndpoint, { headers: { authorization: authorizationOf(opamp) } });
  const reply = await moved.ask(message(agent.uid, 2, { capabilities: agent.capabilities }));
  expect(reply.errorResponse ?? reply.agentIdentification).toBeUndefined();
  expect(await again.closed).toBe(1008);
  expect(await read(agent.id)).toMatchObject({ state: "applied" });
  expect((await moved.ask(message(agent.uid, 3))).connectionSettings?.opamp).toBeUndefined();
  // What the bus told once more is found in the database: it must not cut off who came since.
  await plane.gateway.catchUp();
  expect((await moved.ask(message(agent.uid, 4))).errorResponse).toBeUndefined();

  const old = await open(agent.url, { headers: agent.headers });
  expect((await old.ask(message(agent.uid, 5))).errorResponse?.errorMessage).toContain(
    "credential of its own",
  );
  // The token lets others in as before.
  const other = await open(agent.url, { headers: agent.headers });
  expect((await other.ask(message(newId(), 0))).errorResponse).toBeUndefined();
  expect(await agentByUid(plane, agent.uid)).toMatchObject({ id: agent.id, credential: "bearer" });
  await Promise.all([moved.close(), old.close(), other.close()]);
});

test("opamp row 44: over HTTP the poll with the new credential is it, and a former bearer ends", async () => {
  await start();
  const agent = await collector();
  await agent.socket.close();
  const url = agent.url.replace(/^ws/, "http");
  const first = await offer(agent.id, { endpoint: url });
  const polled = async (secret: string, sequence: number) =>
    poll(url, message(agent.uid, sequence, { capabilities: agent.capabilities }), {
      headers: { authorization: `Bearer ${secret}` },
    });
  const offered = await until(
    "the offer",
    async () => (await polled(agent.token, 1)).message?.connectionSettings?.opamp,
  );
  expect(offered.destinationEndpoint).toBe(url);
  expect((await polled(first.secret, 2)).status).toBe(200);
  expect(await read(agent.id)).toMatchObject({ state: "applied" });
  const second = await offer(agent.id);
  await until("the second offer", async () =>
    (await polled(first.secret, 3)).message?.connectionSettings?.opamp === undefined ? undefined : true,
  );
  expect((await polled(second.secret, 4)).status).toBe(200);
  await until("the former bearer to be refused", async () =>
    (await polled(first.secret, 5)).status === 401 ? true : undefined,
  );
  expect((await polled(second.secret, 5)).status).toBe(200);
});

test("opamp row 45: settings an agent refuses leave it as it was, and nobody holds their credential", async () => {
  await start();
  const agent = await collector();
  const { secret } = await offer(agent.id);
  const { hash } = await nextSettings(agent.socket);
  const says = (sequence: number, status: ConnectionSettingsStatuses, errorMessage = "") =>
    agent.socket.ask(
      message(agent.uid, sequence, {
        capabilities: REPORTS,
        connectionSettingsStatus: { lastConnectionSettingsHash: hash, status, errorMessage },
      }),
    );
  await says(1, APPLYING);
  await until("applying", async () => ((await read(agent.id))?.state === "applying" ? true : undefined));
  const reply = await says(2, FAILED, "x509: certificate signed by unknown authority");
  expect(reply.connectionSettings).toBeUndefined();
  const failed = await until("failed", async () => {
    const now = await read(agent.id);
    return now?.state === "failed" ? now : undefined;
  });
  expect(failed.sentence).toContain("refused its new connection settings");
  expect(failed.sentence).toContain("signed by unknown authority; the old credential stays valid");
  expect(await tryOpen(agent.url, { headers: { authorization: `Bearer ${secret}` } })).toMatchObject({
    status: 401,
  });
  expect(
    (await agent.socket.ask(message(agent.uid, 3, { capabilities: REPORTS }))).errorResponse,
  ).toBeUndefined();
  // Another try is another offer, with another hash.
  await offer(agent.id);
  expect(Buffer.from((await nextSettings(agent.socket)).hash)).not.toEqual(Buffer.from(hash));
  await agent.socket.close();
});

test("opamp row 45: an agent that does not come in time keeps its old credential, and may still come with the new", async () => {
  await start();
  const agent = await collector(TAKES);
  const made = await offer(agent.id, { deadline_seconds: 60, retire_old: true });
  expect(made.warnings.join()).toContain("comes with what its file says");
  await nextSettings(agent.socket);
  clockAhead = 61_000;
  expect(await read(agent.id)).toMatchObject({ state: "failed" });
  expect((await read(agent.id))?.sentence).toContain("did not come with its new connection settings in time");
  await agent.socket.close();
  const back = await open(agent.url, { headers: agent.headers });
  const reply = await back.ask(message(agent.uid, 9, { capabilities: TAKES }));
  expect(reply.errorResponse ?? reply.connectionSettings?.opamp).toBeUndefined();
  await back.close();
  const late = await open(agent.url, { headers: { authorization: `Bearer ${made.secret}` } });
  expect((await late.ask(message(agent.uid, 10, { capabilities: TAKES }))).errorResponse).toBeUndefined();
  expect(await read(agent.id)).toMatchObject({ state: "applied" });
  await late.close();
});

test("a client that may forget keeps its old credential, unless the operator says otherwise", async () => {
  await start();
  const agent = await collector(TAKES);
  const { offer: made, secret, warnings } = await offer(agent.id);
  expect(made.retire_old).toBe(false);
  expect(warnings.join()).toContain("its old credential stays valid");
  const moved = await open(agent.url, { headers: { authorization: `Bearer ${secret}` } });
  await moved.ask(message(agent.uid, 1, { capabilities: TAKES }));
  expect((await read(agent.id))?.sentence).toContain("the old ones are still valid");
  const back = await open(agent.url, { headers: agent.headers });
  expect((await back.ask(message(agent.uid, 2))).errorResponse).toBeUndefined();
  await Promise.all([moved.close(), back.close(), agent.socket.close()]);
});

test("an offer that was over on one node is over on another, and settles one that is away when it comes", async () => {
  await start();
  const agent = await collector();
  await agent.socket.close();
  await offer(agent.id);
  const after = await plane.restart();
  plane = after;
  const url = `ws://127.0.0.1:${after.httpPort}/v1/opamp`;
  const socket = await open(url, { headers: agent.headers });
  const first = await socket.ask(message(agent.uid, 1, { capabilities: agent.capabilities }));
  expect(first.connectionSettings?.opamp).toBeDefined();
  await withdrawConnection(plane.ctx(), agent.id);
  expect(await read(agent.id)).toMatchObject({ state: "withdrawn" });
  await until("nothing offered any more", async () =>
    (await socket.ask(message(agent.uid, Date.now() % 1_000_000, { capabilities: agent.capabilities })))
      .connectionSettings?.opamp === undefined
      ? true
      : undefined,
  );
  await socket.close();
});

describe("what would cut an agent off is refused, and said", () => {
  const refused = (what: Promise<unknown>, code: string, text: string) =>
    expect(what).rejects.toMatchObject({ code, message: expect.stringContaining(text) as string });

  test("an agent that takes no settings, a site agent, TLS to no TLS, an address that is none", async () => {
    await start();
    const deaf = await collector(AGENT_CAPABILITY.ReportsStatus);
    await refused(offer(deaf.id), "conflict", "accepts_opamp_connection_settings");
    await deaf.socket.close();
    const machine = await enrolMachine(plane);
    await refused(offer(machine.agentId), "conflict", "renews its certificate by itself");

    const { secret } = await newToken(plane);
    const uid = newId();
    const socket = await open(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`, {
      headers: { authorization: `Bearer ${secret}` },
      ca: plane.enrolment.authority.certificatePem,
    });
    await socket.ask(message(uid, 0, { capabilities: REPORTS }));
    const id = await idOf(uid);
    const plain = { endpoint: `ws://127.0.0.1:${plane.httpPort}/v1/opamp` };
    await refused(offer(id, plain), "invalid_input", "in the clear");
    await refused(offer(id, { endpoint: "ftp://example.com" }), "invalid_input", "ws, wss, http or https");
    // By default it is told to trust the authority whose certificate it met.
    const { warnings } = await offer(id);
    expect(warnings).toEqual([]);
    const { opamp } = await nextSettings(socket);
    expect(opamp.destinationEndpoint).toBe(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`);
    expect(Buffer.from(opamp.certificate?.caCert ?? []).toString()).toBe(
      plane.enrolment.authority.certificatePem,
    );
    const elsewhere = await offer(id, { endpoint: "wss://127.0.0.1:1/v1/opamp" });
    expect(elsewhere.warnings.join()).toContain("cannot be reached from this server");
    await socket.close();
  });
});
