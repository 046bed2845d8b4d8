import { once } from "node:events";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { request as httpRequest, type OutgoingHttpHeaders } from "node:http";
import { webcrypto } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import type { MessageInitShape } from "@bufbuild/protobuf";
import compress from "@fastify/compress";
import { fastify } from "fastify";
import { WebSocket, type ClientOptions } from "ws";
import {
  AgentToServerSchema,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  uidFromString,
  type ServerToAgent,
} from "@flowplane/opamp";
import { readConfig } from "../config.ts";
import { newId, type Actor, type Base, type Ctx } from "../platform/context.ts";
import { installProblems } from "../platform/http/problems.ts";
import type { EnrolResponse } from "@flowplane/link";
import { openEnrolment, type Enrolment } from "../features/enrolment/enrolment.ts";
import { createBearer } from "../features/enrolment/bearers.ts";
import { createToken } from "../features/enrolment/tokens.ts";
import {
  PemConverter,
  Pkcs10CertificateRequestGenerator,
  type Extension,
} from "../features/enrolment/x509.ts";
import { configurationSource } from "../features/delivery/source.ts";
import type { DesiredSource } from "../features/gateway/desired.ts";
import { createGateway, type Gateway, type GatewayOptions } from "../features/gateway/gateway.ts";
import { openReceiver } from "../features/telemetry/receiver.ts";
import { testBase, testCtx, testOrganization } from "./base.ts";

const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" } as const;

/** A gateway on free ports over a database of its own, with one organization and one site. */
export interface TestPlane extends AsyncDisposable {
  readonly base: Base;
  readonly enrolment: Enrolment;
  readonly gateway: Gateway;
  readonly organizationId: string;
  readonly siteId: string;
  /** Ports of the agents' and of the dashboard's listener. */
  readonly agentsPort: number;
  readonly httpPort: number;
  /** An owner's operation. */
  ctx(actor?: Actor): Ctx;
  /** Another control plane over the same database, as after a restart. */
  restart(options?: Partial<GatewayOptions>): Promise<TestPlane>;
  /** Stops the gateway as a crash would: nothing is drained or written. */
  stop(): Promise<void>;
}

export interface PlaneOptions extends Partial<GatewayOptions> {
  /** Sources that are made from what only the plane has. */
  readonly sourcesOf?: (base: Base, enrolment: Enrolment) => readonly DesiredSource[];
  readonly env?: Record<string, string>;
  readonly now?: () => number;
}

export async function startPlane(options: PlaneOptions = {}): Promise<TestPlane> {
  const { base, ...database } = await testBase({
    config: readConfig({ FLOWPLANE_HTTP: "127.0.0.1:0", FLOWPLANE_AGENTS: "127.0.0.1:0", ...options.env }),
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const { ctx, siteId } = await testOrganization(base);
  return startOver(base, ctx.actor, siteId, options, async () => database[Symbol.asyncDispose]());
}

async function startOver(
  base: Base,
  owner: Actor,
  siteId: string,
  { sourcesOf, ...options }: Omit<PlaneOptions, "env" | "now">,
  dispose: () => Promise<void>,
): Promise<TestPlane> {
  const ports = { agents: 0, http: 0 };
  const enrolment = await openEnrolment(base, {
    agentsUrl: () => `https://127.0.0.1:${ports.agents}`,
    httpUrl: () => `http://127.0.0.1:${ports.http}`,
  });
  const gateway = await createGateway(base, {
    enrolment,
    applyEvents: async () => undefined,
    desiredSources: sourcesOf === undefined ? [configurationSource(base)] : sourcesOf(base, enrolment),
    ...options,
  });
  const http = fastify({ forceCloseConnections: true });
  installProblems(http);
  // As on the dashboard's listener, where it would unpack what these routes unpack themselves.
  await http.register(compress);
  gateway.installOpamp(http);
  const receiver = openReceiver(gateway.agentHttp);
  receiver.install(gateway.agentHttp.fastify, false);
  receiver.install(http, true);
  gateway.agentHttp.fastify.get("/v1/bulk/who", async (request) => gateway.agentHttp.identify(request.raw));
  ports.agents = await gateway.listen();
  await http.listen({ host: "127.0.0.1", port: 0 });
  const address = http.server.address();
  if (address === null || typeof address === "string") throw new Error("no address");
  ports.http = address.port;
  const stop = new AbortController();
  const running = gateway.task.run(stop.signal);
  let stopped = false;
  const close = async () => {
    if (stopped) return;
    stopped = true;
    stop.abort();
    await running;
    await gateway.close();
    await http.close();
    await receiver.close();
  };
  return {
    base,
    enrolment,
    gateway,
    organizationId: owner.organization_id,
    siteId,
    agentsPort: ports.agents,
    httpPort: ports.http,
    ctx: (actor = owner) => testCtx(base, actor),
    stop: close,
    async restart(changed = {}) {
      await close();
      return startOver(
        base,
        owner,
        siteId,
        { ...(sourcesOf === undefined ? {} : { sourcesOf }), ...options, ...changed },
        dispose,
      );
    },
    async [Symbol.asyncDispose]() {
      await close();
      await dispose();
    },
  };
}

/** The text of a fresh enrolment token. */
export async function newToken(
  plane: TestPlane,
  given: {
    approval?: "automatic" | "manual";
    uses_max?: number | null;
    expires_in_seconds?: number;
    labels?: Record<string, string>;
  } = {},
) {
  return createToken(plane.ctx(), plane.enrolment, {
    name: "test",
    labels: {},
    approval: "automatic",
    uses_max: null,
    expires_in_seconds: 3_600,
    ...given,
  });
}

export interface Key {
  readonly keys: webcrypto.CryptoKeyPair;
  readonly pem: string;
}

export async function newKey(): Promise<Key> {
  const keys = await webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
  return {
    keys,
    pem: PemConverter.encode(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey), "PRIVATE KEY"),
  };
}

/** A PEM signing request for `uid` (null: no name), with whatever extensions a mischievous agent asks for. */
export async function newCsr(
  key: Key,
  uid: string | null,
  extensions: Extension[] = [],
  signingAlgorithm: { name: string; hash: string } = SIGNATURE,
): Promise<string> {
  const csr = await Pkcs10CertificateRequestGenerator.create({
    name: uid === null ? [] : [{ CN: [uid] }],
    keys: key.keys,
    signingAlgorithm,
    extensions,
  });
  return csr.toString("pem");
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
}

/** One HTTP(S) request; the body goes out as given. */
export async function send(
  url: string,
  options: RequestOptions & { body?: Buffer | string | undefined } = {},
): Promise<Answer> {
  const make = url.startsWith("https:") ? httpsRequest : httpRequest;
  const { body, ...rest } = options;
  const request = make(url, { rejectUnauthorized: false, agent: false, ...rest });
  request.end(body);
  const [response] = (await once(request, "response")) as [import("node:http").IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** `POST /v1/enrol`. */
export async function postEnrol(plane: TestPlane, token: string, body: unknown) {
  const answer = await send(`https://127.0.0.1:${plane.agentsPort}/v1/enrol`, {
    method: "POST",
    ca: plane.enrolment.authority.certificatePem,
    rejectUnauthorized: true,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return {
    status: answer.status,
    body: JSON.parse(answer.body.toString()) as EnrolResponse & { detail?: string; code?: string },
  };
}

export interface Machine {
  readonly uid: string;
  readonly key: Key;
  readonly agentId: string;
  readonly certificate: string;
}

export async function enrolBody(uid: string, key: Key, more: Record<string, unknown> = {}) {
  return {
    csr: await newCsr(key, uid),
    instance_uid: uid,
    hostname: "host-1",
    os: "linux",
    arch: "x64",
    version: "1.2.3",
    ...more,
  };
}

/** A site agent that has enrolled. */
export async function enrolMachine(plane: TestPlane, token?: string): Promise<Machine> {
  const uid = newId();
  const key = await newKey();
  const text = token ?? (await newToken(plane)).secret;
  const { body } = await postEnrol(plane, text, await enrolBody(uid, key));
  if (body.state !== "issued") throw new Error(`not enrolled: ${JSON.stringify(body)}`);
  return { uid, key, agentId: body.agent_id, certificate: body.certificate };
}

/** TLS options by which a client proves to be a machine. */
export function tlsOf(plane: TestPlane, machine: Machine) {
  return { cert: machine.certificate, key: machine.key.pem, ca: plane.enrolment.authority.certificatePem };
}

export type MessageInit = MessageInitShape<typeof AgentToServerSchema>;

/** An OpAMP message of one agent. */
export function message(
  uid: string,
  sequence: number,
  more: Omit<MessageInit, "$typeName"> = {},
): Uint8Array {
  return encodeAgentToServer(
    create(AgentToServerSchema, {
      instanceUid: uidFromString(uid) ?? new Uint8Array(),
      sequenceNum: BigInt(sequence),
      capabilities: 1n,
      ...more,
    } as MessageInit),
  );
}

/** The test's end of an OpAMP WebSocket. */
export interface OpampSocket {
  readonly socket: WebSocket;
  /** Sends a framed message and gives the next message from the server. */
  ask(data: Uint8Array): Promise<ServerToAgent>;
  send(data: Uint8Array): void;
  sendRaw(frame: Uint8Array | string): void;
  /** The next message from the server that nobody has taken yet. */
  next(): Promise<ServerToAgent>;
  /** By which another one like it can be opened. */
  readonly options: ClientOptions;
  /** Raw frames received so far. */
  readonly frames: Buffer[];
  /** Close code, once closed. */
  readonly closed: Promise<number>;
  close(): Promise<void>;
}

export interface Refused {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
}

/** Opens an OpAMP WebSocket; a refused upgrade is returned, not thrown. */
export async function tryOpen(url: string, options: ClientOptions = {}): Promise<OpampSocket | Refused> {
  const socket = new WebSocket(url, { perMessageDeflate: false, ...options });
  const frames: Buffer[] = [];
  const waiting: ((frame: Buffer) => void)[] = [];
  let taken = 0;
  socket.on("message", (data: Buffer) => {
    frames.push(data);
    waiting.shift()?.(data);
  });
  const closed = new Promise<number>((resolve) => socket.on("close", resolve));
  const refusal = new Promise<Refused>((resolve) => {
    socket.on("unexpected-response", (_request, response) => {
      response.resume();
      resolve({ status: response.statusCode ?? 0, headers: response.headers });
    });
  });
  const failed = new Promise<never>((_resolve, reject) => socket.once("error", reject));
  const opened = new Promise<"open">((resolve) => socket.once("open", () => resolve("open")));
  const outcome = await Promise.race([opened, refusal, failed]);
  failed.catch(() => undefined);
  socket.on("error", () => undefined);
  if (outcome !== "open") {
    socket.terminate();
    return outcome;
  }
  const nextFrame = (): Promise<Buffer> => {
    const ready = frames[taken];
    taken += 1;
    if (ready !== undefined) return Promise.resolve(ready);
    return new Promise((resolve, reject) => {
      waiting.push(resolve);
      void closed.then((code) => reject(new Error(`closed with ${code} while a message was waited for`)));
    });
  };
  const next = async () => {
    const frame = decodeFrame(await nextFrame());
    if (!frame.ok) throw new Error(frame.issue.message);
    const decoded = decodeServerToAgent(frame.data);
    if (!decoded.ok) throw new Error(decoded.issue.message);
    return decoded.message;
  };
  return {
    socket,
    options,
    frames,
    closed,
    next,
    send: (data) => socket.send(encodeFrame(data)),
    sendRaw: (frame) => socket.send(frame),
    ask(data) {
      socket.send(encodeFrame(data));
      return next();
    },
    async close() {
      socket.close();
      await closed;
    },
  };
}

export async function open(url: string, options: ClientOptions = {}): Promise<OpampSocket> {
  const opened = await tryOpen(url, options);
  if ("status" in opened) throw new Error(`the upgrade was refused with ${opened.status}`);
  return opened;
}

/** A machine's WebSocket on the agents' listener. */
export function openMachine(plane: TestPlane, machine: Machine): Promise<OpampSocket> {
  return open(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`, tlsOf(plane, machine));
}

/** One poll over plain HTTP. */
export async function poll(
  url: string,
  data: Uint8Array,
  options: Omit<RequestOptions, "headers"> & { headers?: OutgoingHttpHeaders } = {},
): Promise<Answer & { message: ServerToAgent | null }> {
  const answer = await send(url, {
    method: "POST",
    ...options,
    headers: { "content-type": "application/x-protobuf", ...options.headers },
    body: Buffer.from(data),
  });
  const decoded =
    answer.status === 200 && answer.headers["content-encoding"] === undefined
      ? decodeServerToAgent(answer.body)
      : null;
  return { ...answer, message: decoded?.ok === true ? decoded.message : null };
}

/** Waits for something to come true; fails with what it waited for. */
export async function until<T>(
  what: string,
  read: () => Promise<T | undefined> | T | undefined,
  limitMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const value = await read();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** An agent's row as it is in the database, what is pending written first. */
export async function agentRow(plane: TestPlane, agentId: string) {
  await plane.gateway.flush();
  return plane.base.storage.system
    .selectFrom("agents")
    .selectAll()
    .where("id", "=", agentId)
    .executeTakeFirstOrThrow();
}

export async function agentByUid(plane: TestPlane, uid: string) {
  await plane.gateway.flush();
  return plane.base.storage.system
    .selectFrom("agents")
    .selectAll()
    .where("instance_uid", "=", uid)
    .executeTakeFirst();
}

export async function reportRow(plane: TestPlane, agentId: string) {
  await plane.gateway.flush();
  return plane.base.storage.system
    .selectFrom("agent_reports")
    .selectAll()
    .where("agent_id", "=", agentId)
    .executeTakeFirstOrThrow();
}

/** One agent on one of the two listeners, with the credential that listener is for. */
export interface Visitor {
  readonly uid: string;
  readonly agentId: string;
  open(options?: ClientOptions): Promise<OpampSocket>;
  tryOpen(options?: ClientOptions): Promise<OpampSocket | Refused>;
  poll(data: Uint8Array, options?: RequestOptions): Promise<Answer & { message: ServerToAgent | null }>;
  send(options: RequestOptions & { body?: Buffer | string | undefined }): Promise<Answer>;
}

export type ListenerName = "agents" | "dashboard";

/** A fresh agent: by certificate on the agents' listener, by a bearer of its own on the dashboard's. */
export async function newVisitor(plane: TestPlane, listener: ListenerName): Promise<Visitor> {
  if (listener === "agents") {
    const machine = await enrolMachine(plane);
    return visitor(`127.0.0.1:${plane.agentsPort}/v1/opamp`, "s", machine, tlsOf(plane, machine), {});
  }
  const { bearer, secret } = await createBearer(plane.ctx(), plane.enrolment, {
    name: `collector ${newId().slice(-6)}`,
    kind: "collector",
    labels: {},
    expires_in_seconds: 3_600,
  });
  const who = { uid: newId(), agentId: bearer.agent_id };
  return visitor(`127.0.0.1:${plane.httpPort}/v1/opamp`, "", who, {}, { authorization: `Bearer ${secret}` });
}

function visitor(
  address: string,
  secure: "s" | "",
  { uid, agentId }: { uid: string; agentId: string },
  tls: Partial<ReturnType<typeof tlsOf>>,
  headers: Record<string, string>,
): Visitor {
  const socketOptions = (options: ClientOptions = {}): ClientOptions => ({
    ...tls,
    ...options,
    headers: { ...headers, ...options.headers },
  });
  const requestOptions = (options: RequestOptions = {}) => ({
    ...tls,
    ...options,
    headers: { ...headers, ...(options.headers as Record<string, string>) },
  });
  return {
    uid,
    agentId,
    open: (options) => open(`ws${secure}://${address}`, socketOptions(options)),
    tryOpen: (options) => tryOpen(`ws${secure}://${address}`, socketOptions(options)),
    poll: (data, options) => poll(`http${secure}://${address}`, data, requestOptions(options)),
    send: (options) => send(`http${secure}://${address}`, requestOptions(options)),
  };
}
