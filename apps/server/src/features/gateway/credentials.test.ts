import { X509Certificate } from "node:crypto";
import { connect as tlsConnect } from "node:tls";
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ServerErrorResponseType } from "@flowplane/opamp";
import { createInProcessBus } from "../../platform/bus/in-process.ts";
import { newId } from "../../platform/context.ts";
import { approveAgent, revokeAgent } from "../enrolment/approval.ts";
import { createBearer, revokeAgentBearer } from "../enrolment/bearers.ts";
import { openOwnAuthority } from "../enrolment/own-authority.ts";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
} from "../enrolment/x509.ts";
import { revokeEnrolmentToken, listTokenAttempts } from "../enrolment/tokens.ts";
import {
  agentByUid,
  agentRow,
  enrolMachine,
  message,
  newCsr,
  newKey,
  newToken,
  newVisitor,
  open,
  openMachine,
  poll,
  send,
  startPlane,
  tlsOf,
  tryOpen,
  until,
  type Machine,
  type TestPlane,
} from "../../testing/gateway.ts";
import { testOrganization } from "../../testing/base.ts";

const BAD_REQUEST = ServerErrorResponseType.ServerErrorResponseType_BadRequest;

let clockAhead = 0;
const now = () => Date.now() + clockAhead;
let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane({
    now,
    env: { FLOWPLANE_CLIENT_CERTIFICATE_HEADER: "X-Client-Cert" },
  });
});
afterAll(() => plane[Symbol.asyncDispose]());
afterEach(() => {
  clockAhead = 0;
});

const agentsUrl = () => `https://127.0.0.1:${plane.agentsPort}/v1/opamp`;
const httpUrl = () => `http://127.0.0.1:${plane.httpPort}/v1/opamp`;
const ws = (url: string) => url.replace(/^http/, "ws");
const bearer = (secret: string) => ({ headers: { authorization: `Bearer ${secret}` } });

test("a certificate made while our clock was ahead is good when the clock is right again, and still expires", async () => {
  clockAhead = 24 * 3_600_000;
  const machine = await enrolMachine(plane);
  clockAhead = 0;
  const socket = await openMachine(plane, machine);
  await socket.close();
  clockAhead = 49 * 3_600_000;
  await expect(openMachine(plane, machine)).rejects.toThrow();
});

describe("opamp row 63: bad or missing credentials are 401 before the upgrade and on each POST", () => {
  const refused: [string, () => Promise<[string, Record<string, unknown>]>][] = [
    ["nothing", async () => [agentsUrl(), {}]],
    ["nothing on the dashboard's listener", async () => [httpUrl(), {}]],
    ["another scheme", async () => [httpUrl(), { headers: { authorization: "Basic eDp5" } }]],
    ["a bearer that is none", async () => [httpUrl(), bearer("nonsense")]],
    ["a token we never made", async () => [httpUrl(), bearer((await otherPlaneToken()).secret)]],
    [
      "a revoked token",
      async () => {
        const { secret, token } = await newToken(plane);
        await revokeEnrolmentToken(plane.ctx(), token.id);
        return [httpUrl(), bearer(secret)];
      },
    ],
    ["a certificate of another authority", async () => [agentsUrl(), await foreignCertificate()]],
    [
      "an expired certificate",
      async () => {
        const machine = await enrolMachine(plane);
        clockAhead = 25 * 3_600_000;
        return [agentsUrl(), tlsOf(plane, machine)];
      },
    ],
    [
      "a revoked certificate",
      async () => {
        const machine = await enrolMachine(plane);
        await revokeAgent(plane.ctx(), machine.agentId, "lost");
        return [agentsUrl(), tlsOf(plane, machine)];
      },
    ],
    [
      "the server's own certificate",
      async () => {
        const { certificatePem, privateKeyPem } = await plane.enrolment.authority.issueServerCertificate(
          ["localhost"],
          now(),
        );
        return [agentsUrl(), { cert: certificatePem, key: privateKeyPem }];
      },
    ],
    [
      "an expired bearer",
      async () => {
        const { secret } = await createBearer(plane.ctx(), plane.enrolment, {
          name: "short",
          kind: "collector",
          labels: {},
          expires_in_seconds: 60,
        });
        clockAhead = 61_000;
        return [httpUrl(), bearer(secret)];
      },
    ],
    [
      "a revoked bearer",
      async () => {
        const made = await createBearer(plane.ctx(), plane.enrolment, {
          name: "gone",
          kind: "collector",
          labels: {},
          expires_in_seconds: 600,
        });
        await revokeAgentBearer(plane.ctx(), made.bearer.id);
        return [httpUrl(), bearer(made.secret)];
      },
    ],
    [
      "a certificate header on the agents' listener",
      async () => {
        const machine = await enrolMachine(plane);
        return [agentsUrl(), { headers: { "x-client-cert": encodeURIComponent(machine.certificate) } }];
      },
    ],
    [
      "a certificate header that is garbage",
      async () => [httpUrl(), { headers: { "x-client-cert": "%%%" } }],
    ],
  ];
  test.each(refused)("%s", async (_name, prepare) => {
    const [url, options] = await prepare();
    const answer = await poll(url, message(newId(), 0), options);
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBeDefined();
    expect(JSON.parse(answer.body.toString())).toMatchObject({
      code: "unauthenticated",
      detail: expect.stringMatching(/\w+ \w+/),
    });
    expect(await tryOpen(ws(url), { rejectUnauthorized: false, ...options })).toMatchObject({ status: 401 });
  });

  test("the body of a refused POST is not waited for", async () => {
    const answer = await send(httpUrl(), {
      method: "POST",
      headers: {
        "content-type": "application/x-protobuf",
        "content-length": "1000000",
        expect: "100-continue",
      },
    });
    expect(answer.status).toBe(401);
  });
});

test("a certificate a trusted proxy forwards is as good as one of TLS", async () => {
  const machine = await enrolMachine(plane);
  const headers = { "x-client-cert": encodeURIComponent(machine.certificate) };
  expect((await poll(httpUrl(), message(machine.uid, 0), { headers })).status).toBe(200);
  expect(await agentRow(plane, machine.agentId)).toMatchObject({
    credential: "certificate",
    transport: "http",
  });
});

test("a certificate is judged again when a TLS session is resumed", async () => {
  const machine = await enrolMachine(plane);
  const tls = {
    ...tlsOf(plane, machine),
    host: "127.0.0.1",
    port: plane.agentsPort,
    rejectUnauthorized: true,
  };
  const first = tlsConnect(tls);
  const sessions: Buffer[] = [];
  first.on("session", (session) => sessions.push(session));
  await once(first, "secureConnect");
  first.write("GET /v1/bulk/who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
  expect(await text(first)).toContain(machine.agentId);
  const ask = async () => {
    const session = sessions.at(-1);
    if (session === undefined) throw new Error("no TLS session");
    const again = tlsConnect({ ...tls, session });
    await once(again, "secureConnect");
    expect(again.isSessionReused()).toBe(true);
    again.write("GET /v1/bulk/who HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    return text(again);
  };
  expect(await ask()).toContain(machine.agentId);
  await revokeAgent(plane.ctx(), machine.agentId, "lost");
  expect(await ask()).toContain("401 Unauthorized");
});

describe("opamp row 46: a revoked credential ends its live sockets at once, and no others", () => {
  test("an agent's certificate", async () => {
    const [lost, kept] = [await enrolMachine(plane), await enrolMachine(plane)];
    const [lostSocket, keptSocket] = [await openMachine(plane, lost), await openMachine(plane, kept)];
    await lostSocket.ask(message(lost.uid, 0));
    await keptSocket.ask(message(kept.uid, 0));
    await revokeAgent(plane.ctx(), lost.agentId, "stolen");
    expect(await lostSocket.closed).toBe(1008);
    expect((await keptSocket.ask(message(kept.uid, 1))).errorResponse).toBeUndefined();
    expect(await agentRow(plane, lost.agentId)).toMatchObject({
      connection_id: null,
      revoked_reason: "stolen",
    });
    expect(await tryOpen(ws(agentsUrl()), tlsOf(plane, lost))).toMatchObject({ status: 401 });
    await keptSocket.close();
  });

  test("a bearer", async () => {
    const made = await createBearer(plane.ctx(), plane.enrolment, {
      name: "b",
      kind: "collector",
      labels: {},
      expires_in_seconds: 600,
    });
    const socket = await open(ws(httpUrl()), bearer(made.secret));
    await socket.ask(message(newId(), 0));
    await revokeAgentBearer(plane.ctx(), made.bearer.id);
    expect(await socket.closed).toBe(1008);
  });

  test("an enrolment token shown at each connection", async () => {
    const { secret, token } = await newToken(plane);
    const socket = await open(ws(httpUrl()), bearer(secret));
    await socket.ask(message(newId(), 0));
    await plane.gateway.flush();
    await revokeEnrolmentToken(plane.ctx(), token.id);
    expect(await socket.closed).toBe(1008);
  });

  test("also when the news of it does not come over the bus", async () => {
    const machine = await enrolMachine(plane);
    const socket = await openMachine(plane, machine);
    await socket.ask(message(machine.uid, 0));
    const deaf = createInProcessBus(() => undefined);
    await revokeAgent({ ...plane.ctx(), bus: deaf }, machine.agentId, "stolen");
    await plane.gateway.catchUp();
    expect(await socket.closed).toBe(1008);
  });

  test("a socket that has not said a word yet", async () => {
    const machine = await enrolMachine(plane);
    const socket = await openMachine(plane, machine);
    await revokeAgent(plane.ctx(), machine.agentId, "stolen");
    expect(await socket.closed).toBe(1008);
  });
});

describe("certificate requests over OpAMP", () => {
  const request = (csr: string) => ({
    connectionSettingsRequest: { opamp: { certificateRequest: { csr: Buffer.from(csr) } } },
  });
  let machine: Machine;
  beforeAll(async () => {
    machine = await enrolMachine(plane);
  });

  test("opamp row 47: what cannot be signed is BAD_REQUEST, and nothing is issued", async () => {
    const socket = await openMachine(plane, machine);
    await socket.ask(message(machine.uid, 0));
    const good = await newCsr(machine.key, machine.uid);
    const bad = [
      "",
      "no PEM",
      good.replace(/[A-Za-z0-9]{8}\n/, "AAAAAAAA\n"),
      await newCsr(machine.key, newId()),
      await weakCsr(machine.uid),
    ];
    for (const [index, csr] of bad.entries()) {
      const reply = await socket.ask(message(machine.uid, index + 1, request(csr)));
      expect(reply.errorResponse?.type).toBe(BAD_REQUEST);
      expect(reply.errorResponse?.errorMessage).toMatch(/^The certificate signing request /);
      expect(reply.connectionSettings).toBeUndefined();
    }
    const issued = await plane.base.storage.system
      .selectFrom("agent_certificates")
      .selectAll()
      .where("agent_id", "=", machine.agentId)
      .execute();
    expect(issued).toHaveLength(1);
    await socket.close();
  });

  test("opamp rows 48 and 49: a renewal gives a client certificate and nothing more, for another key too; the old one stays good", async () => {
    const key = await newKey();
    const csr = await newCsr(key, machine.uid, [
      new BasicConstraintsExtension(true, 3, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([{ type: "dns", value: "bank.example" }]),
    ]);
    const socket = await openMachine(plane, machine);
    const { connectionSettings, errorResponse } = await socket.ask(message(machine.uid, 100, request(csr)));
    expect(errorResponse).toBeUndefined();
    const opamp = connectionSettings?.opamp;
    expect(connectionSettings?.hash.byteLength).toBeGreaterThan(0);
    expect(opamp?.destinationEndpoint).toBe(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`);
    expect(opamp?.heartbeatIntervalSeconds).toBeGreaterThan(0n);
    expect(opamp?.certificate?.privateKey.byteLength).toBe(0);
    expect(Buffer.from(opamp?.certificate?.caCert ?? []).toString()).toBe(
      plane.enrolment.authority.certificatePem,
    );
    const pem = Buffer.from(opamp?.certificate?.cert ?? []).toString();
    const leaf = new X509Certificate(pem);
    expect(leaf.ca).toBe(false);
    expect(leaf.keyUsage).toEqual([ExtendedKeyUsage.clientAuth]);
    expect(leaf.subjectAltName).toBe(`URI:flowplane://agents/${plane.organizationId}/${machine.agentId}`);
    expect(leaf.validToDate.getTime() - now()).toBeLessThanOrEqual(24 * 3_600_000);
    const renewed = await openMachine(plane, { ...machine, key, certificate: pem });
    expect((await renewed.ask(message(machine.uid, 101))).errorResponse).toBeUndefined();
    const old = await openMachine(plane, machine);
    expect((await old.ask(message(machine.uid, 102))).errorResponse).toBeUndefined();
    await Promise.all([socket.close(), renewed.close(), old.close()]);
  });

  test("opamp row 50: a request for a re-assigned uid over the old certificate is granted", async () => {
    const socket = await openMachine(plane, machine);
    const { agentIdentification } = await socket.ask(message(machine.uid, 200, { flags: 1n }));
    const bytes = Buffer.from(agentIdentification?.newInstanceUid ?? []).toString("hex");
    const fresh = bytes.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
    const reply = await socket.ask(message(fresh, 201, request(await newCsr(machine.key, fresh))));
    expect(reply.errorResponse).toBeUndefined();
    expect(reply.connectionSettings?.opamp?.certificate).toBeDefined();
    await socket.close();
  });

  test("opamp row 51: a request that waits for approval gets an ordinary reply, and the certificate once approved", async () => {
    const { secret } = await newToken(plane, { approval: "manual" });
    const [pushed, polled] = [newId(), newId()];
    const socket = await open(ws(httpUrl()), bearer(secret));
    const csr = async (uid: string) => request(await newCsr(machine.key, uid));
    for (const reply of [
      await socket.ask(message(pushed, 0, await csr(pushed))),
      (await poll(httpUrl(), message(polled, 0, await csr(polled)), bearer(secret))).message,
    ]) {
      expect(reply?.errorResponse ?? reply?.connectionSettings).toBeUndefined();
    }
    for (const uid of [pushed, polled]) {
      const agent = await agentByUid(plane, uid);
      expect(agent?.approval).toBe("pending");
      await approveAgent(plane.ctx(), agent?.id ?? "");
    }
    expect((await socket.next()).connectionSettings?.opamp?.certificate).toBeDefined();
    let sequence = 0;
    await until("the certificate in a poll's reply", async () => {
      sequence += 1;
      const { message: reply } = await poll(httpUrl(), message(polled, sequence), bearer(secret));
      return reply?.connectionSettings?.opamp?.certificate;
    });
    await socket.close();
  });
});

describe("an enrolment token as an OpAMP credential", () => {
  test("each new instance is one use; those known come back when it is used up", async () => {
    const { secret, token } = await newToken(plane, { uses_max: 1 });
    const [first, second] = [newId(), newId()];
    expect((await poll(httpUrl(), message(first, 0), bearer(secret))).message?.errorResponse).toBeUndefined();
    const refused = await poll(httpUrl(), message(second, 0), bearer(secret));
    expect(refused.message?.errorResponse?.errorMessage).toBe(
      "The enrolment token was good for 1 use and has had 1. Create a new one.",
    );
    plane = await plane.restart();
    expect((await poll(httpUrl(), message(first, 1), bearer(secret))).message?.errorResponse).toBeUndefined();
    const { items } = await listTokenAttempts(plane.ctx(), token.id, { limit: 10 });
    expect(items.map(({ outcome }) => outcome)).toEqual(["connected", "refused", "enrolled"]);
  });

  test("an instance of another credential is not taken over by it", async () => {
    const machine = await enrolMachine(plane);
    const { secret } = await newToken(plane);
    const { message: reply } = await poll(httpUrl(), message(machine.uid, 0), bearer(secret));
    expect(reply?.errorResponse?.errorMessage).toContain("proves itself by another credential");
  });

  test("the same instance_uid in two organizations is two agents", async () => {
    const other = await testOrganization(plane.base);
    const uid = newId();
    const mine = await newToken(plane);
    const theirs = await newToken({ ...plane, ctx: () => other.ctx });
    for (const { secret } of [mine, theirs])
      expect((await poll(httpUrl(), message(uid, 0), bearer(secret))).message?.errorResponse).toBeUndefined();
    await plane.gateway.flush();
    const rows = await plane.base.storage.system
      .selectFrom("agents")
      .select(["organization_id"])
      .where("instance_uid", "=", uid)
      .execute();
    expect(new Set(rows.map((row) => row.organization_id)).size).toBe(2);
  });
});

test("bulk routes know the agent by its certificate or bearer, and not by an enrolment token", async () => {
  const url = `https://127.0.0.1:${plane.agentsPort}/v1/bulk/who`;
  const machine = await enrolMachine(plane);
  const answer = await send(url, tlsOf(plane, machine));
  expect(JSON.parse(answer.body.toString())).toMatchObject({
    agent_id: machine.agentId,
    organization_id: plane.organizationId,
    credential: "certificate",
  });
  const visitor = await newVisitor(plane, "dashboard");
  expect(visitor.agentId).not.toBe(machine.agentId);
  expect((await send(url, bearer((await newToken(plane)).secret))).status).toBe(401);
  expect((await send(url)).status).toBe(401);
});

async function otherPlaneToken() {
  await using other = await startPlane();
  return newToken(other);
}

/** A certificate for the right names, by an authority that is not ours. */
async function foreignCertificate() {
  await using other = await startPlane();
  const machine = await enrolMachine(plane);
  const authority = await openOwnAuthority(other.base);
  const { publicKey } = new X509Certificate(machine.certificate);
  const issued = await authority.issueAgentCertificate({
    agentId: machine.agentId,
    organizationId: plane.organizationId,
    publicKey: publicKey.export({ type: "spki", format: "der" }),
    now: now(),
  });
  return { cert: issued.pem, key: machine.key.pem };
}

async function weakCsr(uid: string): Promise<string> {
  const keys = await crypto.subtle.generateKey(
    {
      name: "RSASSA-PKCS1-v1_5",
      hash: "SHA-256",
      modulusLength: 1_024,
      publicExponent: new Uint8Array([1, 0, 1]),
    },
    true,
    ["sign", "verify"],
  );
  return newCsr({ keys, pem: "" }, uid, [], { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" });
}

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
