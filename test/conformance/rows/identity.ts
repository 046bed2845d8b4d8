import { webcrypto } from "node:crypto";
// x509 wires itself up with tsyringe, which needs this polyfill to be there first.
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509Certificate,
  type Extension,
} from "@peculiar/x509";
import { AgentToServerFlags, uidToString, type ServerToAgent } from "@flowplane/opamp";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";
import { TestAgent, type AgentInit, type Target } from "../target.ts";
import { decodeQuietly, mustBeBadRequest, mustBeWell, Socket } from "../wire.ts";

// Rows 46 to 53 and 63: credentials, certificates and identities.

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const REQUEST_UID = BigInt(AgentToServerFlags.AgentToServerFlags_RequestInstanceUid);
/** A clone is told from a reconnect by both going on to speak: how long that is waited for. */
const CLONE_MS = 30_000;
const CLONE_STEP_MS = 500;

const newKeys = () => webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);

async function csrOf(
  keys: webcrypto.CryptoKeyPair,
  name: string,
  extensions: Extension[] = [],
): Promise<string> {
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [name] }],
    keys,
    signingAlgorithm: SIGNATURE,
    extensions,
  });
  return csr.toString("pem");
}

function requesting(pem: string): AgentInit {
  return {
    connectionSettingsRequest: { opamp: { certificateRequest: { csr: new TextEncoder().encode(pem) } } },
  };
}

/** The certificate in a message, or the failure. */
function certificateIn(message: ServerToAgent): X509Certificate {
  const pem = mustBeWell(message, "a certificate request").connectionSettings?.opamp?.certificate?.cert;
  must(pem !== undefined && pem.byteLength > 0, "a good certificate request was answered without one");
  return new X509Certificate(new TextDecoder().decode(pem));
}

/** An agent with a certificate that was just issued, and what came with it. */
async function certified(target: Target, extensions: Extension[] = [], url?: string) {
  await target.needs("AcceptsConnectionSettingsRequest");
  const socket = await target.open(undefined, undefined, url);
  const agent = new TestAgent();
  mustBeWell(await socket.ask(agent.full()), "a first message");
  const keys = await newKeys();
  const reply = await socket.ask(agent.message(requesting(await csrOf(keys, agent.uid, extensions))));
  return { socket, agent, keys, reply, certificate: certificateIn(reply) };
}

/** Two that poll under one uid, until one is told to use another; before them one that polls, restarts, and is one. */
async function pollAsTwins(target: Target): Promise<string> {
  const uidIn = (reply: ServerToAgent) => reply.agentIdentification?.newInstanceUid;
  const restarting = new TestAgent(undefined, 40);
  for (let count = 0; count < TWIN_POLLS; count += 1) {
    if (count === TWIN_POLLS / 2) restarting.sequence = 0;
    must(uidIn(await target.poll(restarting.full())) === undefined, "a restart was taken for a second agent");
  }
  const original = new TestAgent(undefined, 40);
  const clone = new TestAgent(original.uid);
  const startedAt = Date.now();
  for (let polls = 2; ; polls += 2) {
    for (const twin of [original, clone]) {
      const given = uidIn(await target.poll(twin.full()));
      if (given === undefined) continue;
      const seconds = Math.round((Date.now() - startedAt) / 1_000);
      return `the ${twin === original ? "first" : "second"} after ${polls} polls in ${seconds} s`;
    }
    must(Date.now() - startedAt < CLONE_MS, `two that poll were served for ${CLONE_MS / 1_000} s`);
    await new Promise((resolve) => setTimeout(resolve, CLONE_STEP_MS));
  }
}

const TWIN_POLLS = 20;

export const identityRows: readonly Row[] = [
  {
    row: 46,
    source: "spec",
    what: "ends the sockets of a revoked credential at once, refuses it with 401, and leaves others alone",
    async check(target) {
      const operator = target.operator("revokes a credential");
      const [one, other] = [await operator.newBearer(), await operator.newBearer()];
      const sockets = [await target.open(one.authorization), await target.open(other.authorization)] as const;
      const [agent, bystander] = [new TestAgent(), new TestAgent()];
      mustBeWell(await sockets[0].ask(agent.full()), "the agent");
      mustBeWell(await sockets[1].ask(bystander.full()), "another agent");
      await one.revoke();
      const code = await sockets[0].closedWithin();
      must(code !== undefined, "the socket of the revoked credential stayed open");
      const again = await target.tryOpen(one.authorization);
      must(!(again instanceof Socket), "the revoked credential opened another socket");
      must(again.status === 401, `the revoked credential was answered ${again.status}`);
      const { status } = await target.post(agent.message(), {}, one.authorization);
      must(status === 401, `a poll by the revoked credential was answered ${status}`);
      mustBeWell(await sockets[1].ask(bystander.message()), "another agent after that");
      return `closed with ${code}; the other socket goes on`;
    },
  },
  {
    row: 47,
    source: "spec",
    what: "answers BAD_REQUEST to a certificate request that cannot be signed, and issues nothing",
    async check(target) {
      await target.needs("AcceptsConnectionSettingsRequest");
      const socket = await target.open();
      const agent = new TestAgent();
      await socket.ask(agent.full());
      const keys = await newKeys();
      const good = await csrOf(keys, agent.uid);
      const bytes = new Uint8Array(PemConverter.decodeFirst(good));
      const last = bytes.byteLength - 1;
      bytes[last] = (bytes[last] ?? 0) ^ 0xff;
      const bad: [string, string][] = [
        ["a request that is no PEM", "hello"],
        ["a request with a broken signature", PemConverter.encode(bytes, "CERTIFICATE REQUEST")],
        ["a request in another's name", await csrOf(keys, new TestAgent().uid)],
      ];
      const reasons: string[] = [];
      for (const [what, pem] of bad) {
        const reply = await socket.ask(agent.message(requesting(pem)));
        reasons.push(mustBeBadRequest(reply, what));
        must(reply.connectionSettings === undefined, `${what} was answered with settings`);
      }
      mustBeWell(await socket.ask(agent.message()), "the next message");
      return `says, for one, ${JSON.stringify(reasons[2]?.slice(0, 120))}`;
    },
  },
  {
    row: 48,
    source: "[I]",
    what: "ignores what a certificate request asks for beyond a client certificate",
    async check(target) {
      const { certificate } = await certified(target, [
        new BasicConstraintsExtension(true, 3, true),
        new ExtendedKeyUsageExtension([SERVER_AUTH], true),
        new SubjectAlternativeNameExtension([{ type: "dns", value: "fleet.example" }]),
      ]);
      const constraints = certificate.getExtension(BasicConstraintsExtension);
      must(constraints?.ca !== true, "a CA certificate was issued to an agent that asked for one");
      const usages = certificate.getExtension(ExtendedKeyUsageExtension)?.usages.map(String) ?? [];
      must(
        usages.length === 1 && usages[0] === CLIENT_AUTH,
        `the certificate is good for ${usages.join(", ") || "anything"}`,
      );
      const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
      must(
        names.every(({ value }) => value !== "fleet.example"),
        "the certificate has the name that the agent asked for",
      );
      return "no CA, client authentication alone, none of its names";
    },
  },
  {
    row: 49,
    source: "spec",
    what: "sends certificate and CA without a private key, in complete settings",
    async check(target) {
      const { reply } = await certified(target);
      const opamp = reply.connectionSettings?.opamp;
      must((opamp?.certificate?.privateKey.byteLength ?? 0) === 0, "a private key came with it");
      must((opamp?.certificate?.caCert.byteLength ?? 0) > 0, "no ca_cert came with it");
      must((reply.connectionSettings?.hash.byteLength ?? 0) > 0, "the settings have no hash");
      const endpoint = opamp?.destinationEndpoint ?? "";
      must(/^(wss?|https?):\/\/./.test(endpoint), `the endpoint is ${JSON.stringify(endpoint)}`);
      must((opamp?.heartbeatIntervalSeconds ?? 0n) > 0n, "the settings switch heartbeats off");
      return `settings for ${endpoint}, a heartbeat every ${opamp?.heartbeatIntervalSeconds} s`;
    },
  },
  {
    row: 50,
    source: "spec",
    what: "does not reject a request for a re-assigned instance_uid over the old certificate",
    async check(target) {
      const url = target.operator("says where agents come with certificates").certificateUrl;
      if (url === undefined) throw new NotApplicable("this server takes no certificates");
      const { agent, keys, certificate, socket } = await certified(target, [], url);
      await socket.close();
      const key = PemConverter.encode(
        await webcrypto.subtle.exportKey("pkcs8", keys.privateKey),
        "PRIVATE KEY",
      );
      // No bearer: the certificate alone proves who it is.
      const opened = await target.tryOpen("", { cert: certificate.toString("pem"), key }, url);
      must(opened instanceof Socket, "the certificate just issued was refused");
      const named = mustBeWell(await opened.ask(agent.message({ flags: REQUEST_UID })), "RequestInstanceUid");
      const assigned = named.agentIdentification?.newInstanceUid;
      must(assigned?.byteLength === 16, "no new instance_uid was assigned");
      const moved = new TestAgent(uidToString(assigned), agent.sequence);
      const reply = await opened.ask(moved.full(requesting(await csrOf(await newKeys(), moved.uid))));
      const { serialNumber } = certificateIn(reply);
      must(serialNumber !== certificate.serialNumber, "the old certificate came again");
      return "another certificate was issued";
    },
  },
  {
    row: 51,
    source: "spec",
    what: "answers a request that waits for approval like any message, and sends the certificate once approved",
    async check(target) {
      await target.needs("AcceptsConnectionSettingsRequest");
      const operator = target.operator("approves an agent");
      const token = await operator.newManualToken();
      const pending = async () => {
        const agent = new TestAgent();
        const request = requesting(await csrOf(await newKeys(), agent.uid));
        return { agent, request };
      };
      const one = await pending();
      const socket = await target.open(token);
      mustBeWell(await socket.ask(one.agent.full()), "a first message");
      const reply = mustBeWell(await socket.ask(one.agent.message(one.request)), "a request that waits");
      must(reply.connectionSettings === undefined, "a certificate was issued before the approval");
      await operator.approve(one.agent.uid);
      certificateIn(await socket.next());

      const two = await pending();
      mustBeWell(await target.poll(two.agent.full(), token), "a first poll");
      const polled = mustBeWell(
        await target.poll(two.agent.message(two.request), token),
        "a poll that waits",
      );
      must(polled.connectionSettings === undefined, "a certificate was issued before the approval");
      await operator.approve(two.agent.uid);
      const deadline = Date.now() + target.limitMs;
      for (;;) {
        const next = mustBeWell(await target.poll(two.agent.message(), token), "a poll after the approval");
        if (next.connectionSettings !== undefined) {
          certificateIn(next);
          break;
        }
        must(Date.now() < deadline, "polls after the approval bring no certificate");
      }
      return "pushed on the WebSocket, brought by a poll over HTTP";
    },
  },
  {
    row: 52,
    source: "spec",
    what: "assigns a fresh UUIDv7 to an agent that asks for one, and names none otherwise",
    async check(target) {
      const socket = await target.open();
      const agent = new TestAgent();
      const first = mustBeWell(await socket.ask(agent.full()), "a first message");
      must(first.agentIdentification === undefined, "an agent that did not ask was identified");
      const reply = mustBeWell(await socket.ask(agent.message({ flags: REQUEST_UID })), "RequestInstanceUid");
      const assigned = reply.agentIdentification?.newInstanceUid;
      must(assigned !== undefined, "no instance_uid was assigned");
      must(assigned.byteLength === 16, `an instance_uid of ${assigned.byteLength} bytes was assigned`);
      const uid = uidToString(assigned);
      must(uid !== agent.uid, "the same instance_uid was assigned");
      must(uid[14] === "7", `${uid} is no UUIDv7`);
      const moved = new TestAgent(uid, agent.sequence);
      const next = mustBeWell(await socket.ask(moved.message()), "the first message under the new uid");
      must(uidToString(next.instanceUid) === uid, "the reply is for another instance_uid");
      must(next.agentIdentification === undefined, "it was identified again");
      return uid;
    },
  },
  {
    row: 53,
    source: "[I]",
    what: "gives a second agent under one instance_uid another, and takes a reconnect for no second agent",
    async check(target) {
      const reconnecting = new TestAgent();
      const dead = await target.open();
      mustBeWell(await dead.ask(reconnecting.full()), "an agent");
      // Half open: it will never be heard again, and the server does not know.
      dead.socket.pause();
      const back = await target.open();
      for (let count = 0; count < 3; count += 1) {
        const reply = mustBeWell(await back.ask(reconnecting.full()), "the agent that reconnected");
        must(reply.agentIdentification === undefined, "a reconnect was taken for a second agent");
      }

      const original = new TestAgent();
      const clone = new TestAgent(original.uid);
      const sockets = [await target.open(), await target.open()] as const;
      const startedAt = Date.now();
      for (;;) {
        for (const [index, twin] of [original, clone].entries()) {
          const socket = sockets[index];
          must(
            socket?.isOpen === true,
            "one of two agents under one instance_uid was cut off, without a new one",
          );
          socket.send(twin.full());
        }
        // Whoever is told to move may be told in a reply or between them.
        await new Promise((resolve) => setTimeout(resolve, CLONE_STEP_MS));
        for (const [index, socket] of sockets.entries()) {
          for (let left = socket.frames.length; left > 0; left -= 1) {
            const frame = await socket.nextFrame(0);
            if (frame === undefined) break;
            const assigned = identificationIn(frame.data);
            if (assigned === undefined) continue;
            const seconds = Math.round((Date.now() - startedAt) / 1_000);
            const polled = await pollAsTwins(target);
            return `the ${index === 0 ? "first" : "second"} was given ${assigned} after ${seconds} s of both; over HTTP ${polled}`;
          }
        }
        must(
          Date.now() - startedAt < CLONE_MS,
          `two agents under one instance_uid were served for ${CLONE_MS / 1_000} s`,
        );
      }
    },
  },
  {
    row: 63,
    source: "spec",
    what: "answers 401 to bad or missing credentials, before the upgrade and on each POST",
    async check(target) {
      if (target.authorization === undefined)
        throw new NotApplicable("no credential was given: this server may be one that takes everybody");
      for (const authorization of ["", "Bearer nonsense"]) {
        const what = authorization === "" ? "no credential" : "a bad credential";
        const opened = await target.tryOpen(authorization);
        must(!(opened instanceof Socket), `${what} opened a WebSocket`);
        must(opened.status === 401, `an upgrade with ${what} was answered ${opened.status}`);
        const { status } = await target.post(new TestAgent().full(), {}, authorization);
        must(status === 401, `a POST with ${what} was answered ${status}`);
      }
      return "4 times";
    },
  },
];

function identificationIn(frame: Uint8Array): string | undefined {
  const message = decodeQuietly(frame);
  const uid = message?.agentIdentification?.newInstanceUid;
  return uid === undefined || uid.byteLength !== 16 ? undefined : uidToString(uid);
}
