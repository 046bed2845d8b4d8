import "reflect-metadata"; // x509 wires itself up with tsyringe, which needs this to be there first
import { createPrivateKey, generateKeyPairSync, randomUUIDv7, type KeyObject } from "node:crypto";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as x509 from "@peculiar/x509";
import { WebSocket } from "ws";
import {
  agentCapabilityBits,
  AgentToServerSchema,
  attributesFromJson,
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  RemoteConfigStatuses,
  ServerToAgentFlags,
  uidFromString,
} from "@flowplane/opamp";

x509.cryptoProvider.set(globalThis.crypto);

const CAPABILITIES = agentCapabilityBits([
  "ReportsStatus",
  "AcceptsRemoteConfig",
  "ReportsRemoteConfig",
  "ReportsEffectiveConfig",
  "ReportsHealth",
  "ReportsHeartbeat",
]);
const BACKOFF_BASE_MS = 500;
const BACKOFF_MAX_MS = 60_000;
const CONNECT_LIMIT_MS = 60_000;
/** From APPLYING to APPLIED; a real supervisor restarts its Collector in between. */
const APPLY_MS = 1_000;

type Said = Omit<MessageInitShape<typeof AgentToServerSchema>, "$typeName">;

/** What all simulated agents of a process count together. */
export interface Tally {
  connected: number;
  latencies: number[];
  messagesSent: number;
  messagesReceived: number;
  bytesSent: number;
  bytesReceived: number;
  /** Configurations taken, one for each time an agent said APPLIED. */
  applied: number;
  fullStateAsked: number;
  refused: number;
  errors: Map<string, number>;
}

/**
 * A collector-like agent as thin as can be, so that thousands fit in a process: enrols over HTTPS, keeps one mTLS
 * WebSocket, reports fully when asked, sends heartbeats, comes back with backoff and obeys Retry-After.
 */
export class SimulatedAgent {
  readonly #name: string;
  readonly #uid = randomUUIDv7();
  readonly #tally: Tally;
  readonly #ca: string;
  #key: KeyObject | undefined;
  #certificate = "";
  #opampUrl = "";
  #sequence = 0n;
  #failures = 0;
  #token = "";
  #socket: WebSocket | undefined;
  #isUp = false;
  #remoteConfigStatus:
    | { lastRemoteConfigHash: Uint8Array; status: RemoteConfigStatuses; errorMessage: string }
    | undefined;

  constructor(name: string, ca: string, tally: Tally) {
    this.#name = name;
    this.#ca = ca;
    this.#tally = tally;
  }

  async enrol(agentsUrl: string, post: (body: string) => Promise<string>): Promise<void> {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const keys = {
      privateKey: await crypto.subtle.importKey(
        "pkcs8",
        privateKey.export({ type: "pkcs8", format: "der" }),
        algorithm,
        true,
        ["sign"],
      ),
      publicKey: await crypto.subtle.importKey(
        "spki",
        publicKey.export({ type: "spki", format: "der" }),
        algorithm,
        true,
        ["verify"],
      ),
    };
    const csr = await x509.Pkcs10CertificateRequestGenerator.create({
      name: `CN=${this.#uid}`,
      keys,
      signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    });
    const answer = JSON.parse(
      await post(
        JSON.stringify({
          csr: csr.toString("pem"),
          instance_uid: this.#uid,
          hostname: this.#name,
          os: "linux",
          arch: "x64",
          version: "0.0.0-sim",
        }),
      ),
    ) as { certificate?: string; opamp_url?: string; detail?: string };
    if (answer.certificate === undefined)
      throw new Error(`enrolment refused: ${answer.detail ?? JSON.stringify(answer)}`);
    this.#certificate = answer.certificate;
    this.#key = createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
    this.#opampUrl = answer.opamp_url ?? `${agentsUrl.replace(/^http/, "ws")}/v1/opamp`;
  }

  /** Without a certificate: by an enrolment token, on the listener without TLS. It saves the bench the enrolments, which `gateway` measures. */
  useToken(opampUrl: string, token: string): void {
    this.#opampUrl = opampUrl;
    this.#token = token;
  }

  connect(): void {
    const started = performance.now();
    let answered = false;
    let retryAfterMs = 0;
    const socket = new WebSocket(this.#opampUrl, {
      ...(this.#token === ""
        ? {
            cert: this.#certificate,
            key: this.#key?.export({ type: "pkcs8", format: "pem" }),
            ca: this.#ca,
          }
        : { headers: { authorization: `Bearer ${this.#token}` } }),
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_LIMIT_MS,
    });
    this.#socket = socket;
    socket.on("open", () => {
      this.#isUp = true;
      this.#tally.connected += 1;
      this.#send(this.#sequence === 0n);
    });
    socket.on("message", (data: Buffer) => {
      this.#tally.messagesReceived += 1;
      this.#tally.bytesReceived += data.length;
      const frame = decodeFrame(data);
      const decoded = frame.ok ? decodeServerToAgent(frame.data) : frame;
      if (!decoded.ok) return this.#fail(`undecodable: ${decoded.issue.message}`);
      if (!answered) {
        answered = true;
        this.#failures = 0;
        this.#tally.latencies.push(performance.now() - started);
      }
      const { flags, errorResponse, remoteConfig } = decoded.message;
      if (remoteConfig !== undefined) this.#take(remoteConfig.configHash);
      if (errorResponse !== undefined) this.#fail(errorResponse.errorMessage);
      if ((flags & BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState)) !== 0n) {
        this.#tally.fullStateAsked += 1;
        this.#send(true);
      }
    });
    socket.on("unexpected-response", (request, response) => {
      this.#tally.refused += 1;
      retryAfterMs = Number(response.headers["retry-after"] ?? 0) * 1_000;
      this.#fail(`upgrade answered ${response.statusCode}`);
      request.destroy();
      socket.terminate();
    });
    socket.on("error", (error) => this.#fail(error.message));
    socket.on("close", () => {
      if (this.#isUp) this.#tally.connected -= 1;
      this.#isUp = false;
      this.#failures += 1;
      const backoff = Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_BASE_MS * 2 ** this.#failures);
      setTimeout(() => this.connect(), Math.max(backoff, retryAfterMs));
    });
  }

  /** Loses its socket, as when a network goes; it comes back by itself. */
  drop(): void {
    this.#socket?.terminate();
  }

  heartbeat(): void {
    if (this.#isUp) this.#send(false);
  }

  /** As a supervisor does: APPLYING at once, and when its Collector is well APPLIED, with its health. */
  #take(hash: Uint8Array): void {
    const say = (status: RemoteConfigStatuses, more: Said = {}) => {
      this.#remoteConfigStatus = { lastRemoteConfigHash: hash, status, errorMessage: "" };
      this.#say({ remoteConfigStatus: this.#remoteConfigStatus, ...more });
    };
    say(RemoteConfigStatuses.RemoteConfigStatuses_APPLYING);
    setTimeout(() => {
      this.#tally.applied += 1;
      say(RemoteConfigStatuses.RemoteConfigStatuses_APPLIED, { health: HEALTH });
    }, APPLY_MS);
  }

  #send(isFull: boolean): void {
    this.#say(isFull ? this.#fullState() : {});
  }

  #say(what: Said): void {
    // What is said while the socket is gone is said with the full state after it.
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#sequence += 1n;
    const message = create(AgentToServerSchema, {
      instanceUid: uidFromString(this.#uid) ?? new Uint8Array(),
      sequenceNum: this.#sequence,
      capabilities: CAPABILITIES,
      ...what,
    });
    const frame = encodeFrame(encodeAgentToServer(message));
    this.#socket.send(frame);
    this.#tally.messagesSent += 1;
    this.#tally.bytesSent += frame.length;
  }

  #fullState() {
    return {
      agentDescription: {
        identifyingAttributes: attributesFromJson({
          "service.name": "otelcol-sim",
          "service.version": "0.0.0-sim",
          "service.instance.id": this.#uid,
        }),
        nonIdentifyingAttributes: attributesFromJson({
          "os.type": "linux",
          "host.name": this.#name,
          "host.arch": "x64",
        }),
      },
      health: HEALTH,
      ...(this.#remoteConfigStatus === undefined ? {} : { remoteConfigStatus: this.#remoteConfigStatus }),
      effectiveConfig: {
        configMap: {
          configMap: { "": { body: new TextEncoder().encode(EFFECTIVE_CONFIG), contentType: "text/yaml" } },
        },
      },
    };
  }

  #fail(message: string): void {
    this.#tally.errors.set(message, (this.#tally.errors.get(message) ?? 0) + 1);
  }
}

const HEALTH = {
  healthy: true,
  status: "StatusOK",
  startTimeUnixNano: 1n,
  componentHealthMap: {
    "pipeline:logs": { healthy: true, status: "StatusOK" },
    extensions: { healthy: true, status: "StatusOK" },
  },
};

const EFFECTIVE_CONFIG = `receivers: {otlp: {protocols: {grpc: {endpoint: 127.0.0.1:4317}}}}
exporters: {debug: {}}
service: {pipelines: {logs: {receivers: [otlp], exporters: [debug]}}}
`;
