// A small control plane over real TLS for the agent's tests: enrolment, OpAMP over WebSocket, the link protocol with the
// real machines of its side, the bulk endpoint. It keeps everything it was told.

import { replay } from "@flowplane/detection";
import type { ReplayReport } from "@flowplane/detection";
import { createHash } from "node:crypto";
import { createServer } from "node:https";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { zstdDecompressSync } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import {
  decodeLines,
  encodeLines,
  decodeUp,
  emptyDelivery,
  encodeEnrolmentToken,
  encodeLink,
  joinLines,
  LINK_CAPABILITY,
  packBySize,
  stepDelivery,
  takeEvents,
} from "@flowplane/link";
import type { DeliveryInput, DownMessage, Intent, LinkEvent, LogLine, RunEnded } from "@flowplane/link";
import {
  decodeAgentToServer,
  decodeFrame,
  encodeFrame,
  encodeServerToAgent,
  SERVER_CAPABILITIES_ALL,
  ServerToAgentSchema,
} from "@flowplane/opamp";
import type { AgentToServer } from "@flowplane/opamp";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { Authority } from "./authority.ts";
import { eventually, intent } from "./harness.ts";

export const SECRET = "a secret of the tests";

export class ControlPlane implements AsyncDisposable {
  readonly authority: Authority;
  readonly reports: AgentToServer[] = [];
  readonly events: LinkEvent[] = [];
  readonly segments = new Map<string, Map<number, LogLine[]>>();
  readonly tails = new Map<string, LogLine[]>();
  readonly certificates: string[] = [];
  #server!: Server;
  #sockets = new WebSocketServer({ noServer: true });
  #socket: WebSocket | null = null;
  #delivery = emptyDelivery;
  #marks = new Map<string, number>();
  #intents = 0;
  #port = 0;
  /** How the next requests are answered: as they should be, or with this status. */
  refuse: { status: number; retryAfter?: string } | null = null;
  refusals = 0;
  refuseBulk = false;
  approved = true;
  certificateLifeMs = 24 * 3_600_000;
  certificateAgoMs = 1000;

  private constructor(authority: Authority) {
    this.authority = authority;
  }

  static async start(): Promise<ControlPlane> {
    const plane = new ControlPlane(await Authority.make());
    await plane.listen();
    return plane;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async listen(): Promise<void> {
    const { key, cert } = await this.authority.server();
    this.#server = createServer({
      key,
      cert,
      ca: this.authority.pem,
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.#server.on(
      "request",
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response),
    );
    this.#server.on("upgrade", (request: IncomingMessage, socket, head) => {
      if (this.refuse || !(request.socket as TLSSocket).authorized) {
        const { status, retryAfter } = this.refuse ?? { status: 401 };
        this.refusals += 1;
        socket.end(
          `HTTP/1.1 ${status} No\r\n${retryAfter ? `Retry-After: ${retryAfter}\r\n` : ""}Content-Length: 0\r\n\r\n`,
        );
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (webSocket) =>
        this.#accept(webSocket, request.socket as TLSSocket),
      );
    });
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Gone as after a crash: nothing it had only in memory survives, what it stored does. */
  async close(): Promise<void> {
    this.#socket?.terminate();
    this.#delivery = { ...this.#delivery, connected: false };
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  get isLinked(): boolean {
    return this.#socket !== null;
  }

  token(fingerprint = this.authority.fingerprint): string {
    return encodeEnrolmentToken({ v: 1, o: "org", s: SECRET, f: fingerprint, u: this.url });
  }

  order(type: string, payload: Record<string, unknown>): void {
    this.#intents += 1;
    this.#step({ kind: "created", intents: [intent(`intent-${this.#intents}`, type, payload)] });
  }

  /** Sends a message that asks for no delivery. */
  say(message: DownMessage): void {
    this.#sendCustom(message);
  }

  /** Sends intents once more, although they were acknowledged. */
  repeat(intents: Intent[]): void {
    this.#sendCustom({ type: "intents", body: { intents } });
  }

  types(runId: string): string[] {
    return this.events.filter((event) => event.run_id === runId).map((event) => event.type);
  }

  async ended(runId: string, withinMs = 20_000): Promise<RunEnded> {
    const isIt = (event: LinkEvent) => event.run_id === runId && event.type === "run.ended";
    return (
      await eventually(
        () => this.events.find(isIt),
        withinMs,
        () => this.types(runId).join(),
      )
    ).payload as RunEnded;
  }

  /** The run's stored log, once all segments its end speaks of are here: lines in order, and the bytes of both streams. */
  async log(runId: string, withinMs = 20_000): Promise<{ lines: LogLine[]; stdout: Buffer; stderr: Buffer }> {
    const { log } = await this.ended(runId, withinMs);
    await eventually(
      () => (this.segments.get(runId)?.size ?? 0) === log.last_segment,
      withinMs,
      () => `${this.segments.get(runId)?.size}/${log.last_segment}`,
    );
    const segments = [...(this.segments.get(runId) ?? new Map<number, LogLine[]>())].toSorted(
      ([a], [b]) => a - b,
    );
    const lines = segments.flatMap(([, segment]) => segment);
    const of = (stream: string) => Buffer.from(joinLines(lines.filter((line) => line.stream === stream)));
    return { lines, stdout: of("stdout"), stderr: of("stderr") };
  }

  #accept(socket: WebSocket, tls: TLSSocket): void {
    this.#socket?.terminate();
    this.#socket = socket;
    this.certificates.push(tls.getPeerCertificate().serialNumber);
    this.#step({ kind: "disconnected" });
    socket.on("message", (data: Buffer) => void this.#receive(socket, data));
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#step({ kind: "disconnected" });
    });
  }

  async #receive(socket: WebSocket, data: Buffer): Promise<void> {
    const frame = decodeFrame(data);
    const decoded = frame.ok ? decodeAgentToServer(frame.data) : null;
    if (!decoded?.ok) throw new Error("the agent sent what is no OpAMP message");
    const { message } = decoded;
    this.reports.push(message);
    const csr = message.connectionSettingsRequest?.opamp?.certificateRequest?.csr;
    const certificate = csr
      ? await this.authority.client(
          new TextDecoder().decode(csr),
          this.certificateLifeMs,
          this.certificateAgoMs,
        )
      : null;
    const offer = certificate
      ? {
          connectionSettings: {
            hash: createHash("sha256").update(certificate).digest(),
            opamp: { certificate: { cert: new TextEncoder().encode(certificate) } },
          },
        }
      : {};
    const reply = create(ServerToAgentSchema, {
      instanceUid: message.instanceUid,
      capabilities: SERVER_CAPABILITIES_ALL,
      customCapabilities: { capabilities: [LINK_CAPABILITY] },
      ...offer,
    });
    socket.send(encodeFrame(encodeServerToAgent(reply)));
    if (!this.#delivery.connected) this.#step({ kind: "connected" });
    if (message.customMessage) this.#take(message.customMessage);
  }

  /** Uploaded chunks of evidence, decompressed, by run and number. */
  readonly evidence = new Map<string, Map<number, Uint8Array>>();

  /** Repeats a run's decisions from what was uploaded. */
  replay(runId: string): Promise<ReplayReport> {
    const inOrder = <T>(parts: ReadonlyMap<number, T> | undefined): [number, T][] =>
      [...(parts ?? [])].toSorted(([a], [b]) => a - b);
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    return replay({
      chunks: inOrder(this.evidence.get(runId)).map(([, chunk]) => chunk),
      segments: inOrder(this.segments.get(runId)).map(([segment, lines]) => ({
        segment,
        sha256: sha256(encodeLines(lines)),
        lines,
      })),
      sha256,
    });
  }

  #take(custom: { type: string; data: Uint8Array }): void {
    const decoded = decodeUp(custom);
    if (!decoded.ok) throw new Error(decoded.issue);
    if (decoded.value.type === "intents_ack")
      return this.#step({ kind: "acked", ids: decoded.value.body.ids });
    if (decoded.value.type !== "events") throw new Error(`not asked for: ${decoded.value.type}`);
    const { spool_id: spoolId, events } = decoded.value.body;
    const { apply, ackUpTo } = takeEvents(this.#marks.get(spoolId) ?? 0, events);
    this.events.push(...apply);
    this.#marks.set(spoolId, ackUpTo);
    return this.#sendCustom({ type: "events_ack", body: { spool_id: spoolId, up_to: ackUpTo } });
  }

  #step(input: DeliveryInput): void {
    const { state, effects } = stepDelivery(this.#delivery, input, Date.now());
    this.#delivery = state;
    for (const effect of effects) {
      if (effect.kind !== "send") continue;
      for (const intents of packBySize(
        effect.intents,
        (one) => JSON.stringify(one).length + 1,
        250_000,
        100,
      )) {
        this.#sendCustom({ type: "intents", body: { intents } });
      }
    }
  }

  #sendCustom(message: DownMessage): void {
    const customMessage = { capability: LINK_CAPABILITY, ...encodeLink(message) };
    this.#socket?.send(encodeFrame(encodeServerToAgent(create(ServerToAgentSchema, { customMessage }))));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const end = (status: number, json?: unknown) => {
      response
        .writeHead(status, { "content-type": "application/json" })
        .end(json === undefined ? undefined : JSON.stringify(json));
    };
    if (request.url === "/v1/enrol") return this.#enrol(request, body, end);
    if (!(request.socket as TLSSocket).authorized) return end(401);
    if (this.refuseBulk) return end(503);
    const [, runId = "", kind, seq] =
      /^\/v1\/bulk\/runs\/([^/]+)\/(segments|tail|evidence)\/?(\d+)?$/.exec(request.url ?? "") ?? [];
    if (kind === "tail") {
      this.tails.set(runId, [...(this.tails.get(runId) ?? []), ...decode(body)]);
      return end(204);
    }
    if (createHash("sha256").update(body).digest("hex") !== request.headers["x-flowplane-sha256"])
      return end(400);
    if (kind === "evidence") {
      const chunks = this.evidence.get(runId) ?? new Map<number, Uint8Array>();
      this.evidence.set(runId, chunks.set(Number(seq), zstdDecompressSync(body)));
      return end(204);
    }
    const lines = decode(zstdDecompressSync(body));
    if (Number(request.headers["x-flowplane-first-seq"]) !== lines[0]?.seq) return end(400);
    const segments = this.segments.get(runId) ?? new Map<number, LogLine[]>();
    if (!segments.has(Number(seq))) segments.set(Number(seq), lines);
    this.segments.set(runId, segments);
    return end(204);
  }

  async #enrol(
    request: IncomingMessage,
    body: Buffer,
    end: (status: number, json?: unknown) => void,
  ): Promise<void> {
    if (this.refuse) return end(this.refuse.status, { title: "refused", detail: "The token was used up." });
    if (!String(request.headers.authorization).startsWith("Bearer fpe_"))
      return end(401, { title: "no token" });
    if (!this.approved) return end(202, { state: "pending", agent_id: "agent-1", retry_after_seconds: 1 });
    const { csr } = JSON.parse(body.toString()) as { csr: string };
    return end(200, {
      state: "issued",
      agent_id: "agent-1",
      organization_id: "org",
      certificate: await this.authority.client(csr, this.certificateLifeMs, this.certificateAgoMs),
      ca_certificates: [this.authority.pem],
      opamp_url: `${this.url.replace("https", "wss")}/v1/opamp`,
      bulk_url: this.url,
    });
  }
}

function decode(body: Uint8Array): LogLine[] {
  const decoded = decodeLines(body);
  if (!decoded.ok) throw new Error(decoded.issue);
  return decoded.value;
}
