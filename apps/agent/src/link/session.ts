// The shell around the OpAMP agent machine: one WebSocket over mTLS, one timer.

import {
  decodeFrame,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeFrame,
  MESSAGE_BYTES_MAX,
  newAgentSession,
  nextWakeAt,
  stepAgent,
} from "@flowplane/opamp";
import type {
  AgentEffect,
  AgentEvent,
  AgentReport,
  AgentSession,
  ConnectionSettingsOffers,
} from "@flowplane/opamp";
import { LINK_CAPABILITY, TENURE_CAPABILITY } from "@flowplane/link";
import { retryAfterMs } from "@flowplane/runtime";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import { WebSocket } from "ws";
import type { Identity } from "../data/identity.ts";
import { CAPABILITIES } from "./reports.ts";

export type SessionOptions = {
  /** Asked at each connection: the certificate changes while the agent runs. */
  identity: () => Identity;
  report: AgentReport;
  clock: Clock;
  log: Logger;
  /** The control plane answered on a new connection: whether it speaks the link protocol, and wants to be greeted first. */
  onLinked: (speaksLink: boolean, isGreeted: boolean) => void;
  onUnlinked: (why: string) => void;
  onLinkMessage: (type: string, data: Uint8Array) => void;
  onSettings: (offers: ConnectionSettingsOffers) => void;
  /** The control plane did not give the certificate asked for, and says why. */
  onCertificateRefused: (reason: string) => void;
  onUid: (instanceUid: string) => void;
};

export class Session {
  readonly #options: SessionOptions;
  #state: AgentSession;
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Of the server on this connection; null before it has answered. */
  #speaksLink: boolean | null = null;
  /** Inputs that arrive while effects are performed wait their turn, so that steps never nest. */
  readonly #queue: AgentEvent[] = [];
  #isStepping = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#state = newAgentSession({
      instanceUid: options.identity().instance_uid,
      capabilities: CAPABILITIES,
      customCapabilities: [LINK_CAPABILITY, TENURE_CAPABILITY],
      report: options.report,
      now: options.clock(),
      random: Math.random,
    });
  }

  /** Connects, and stays connected until `stop`. */
  start(): void {
    this.step({ kind: "tick" });
  }

  /** Says goodbye and closes; resolves when the socket is closed, or after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    const socket = this.#socket;
    this.step({ kind: "stop" });
    clearTimeout(this.#timer);
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.once("close", () => resolve());
    const timer = setTimeout(() => {
      socket.terminate();
      resolve();
    }, withinMs);
    await promise;
    clearTimeout(timer);
  }

  step(event: AgentEvent): void {
    this.#queue.push(event);
    if (this.#isStepping) return;
    this.#isStepping = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      const { state, effects } = stepAgent(this.#state, next, this.#options.clock(), Math.random);
      this.#state = state;
      for (const effect of effects) this.#perform(effect);
    }
    this.#isStepping = false;
    this.#sleep();
  }

  #sleep(): void {
    clearTimeout(this.#timer);
    const wakeAt = nextWakeAt(this.#state);
    if (wakeAt === Infinity) return;
    this.#timer = setTimeout(
      () => this.step({ kind: "tick" }),
      Math.min(Math.max(0, wakeAt - this.#options.clock()), TIMER_MS_MAX),
    );
  }

  #perform(effect: AgentEffect): void {
    const { log } = this.#options;
    switch (effect.kind) {
      case "connect":
        return this.#connect();
      case "send":
        return this.#socket?.send(encodeFrame(encodeAgentToServer(effect.message)));
      case "close":
        return this.#hangUp(effect.reason);
      case "linked": {
        // It comes again whenever the server repeats what it understands.
        const speaksLink = effect.customCapabilities.includes(LINK_CAPABILITY);
        if (this.#speaksLink === speaksLink) return undefined;
        this.#speaksLink = speaksLink;
        log.info({ speaksLink }, "linked to the control plane");
        return this.#options.onLinked(speaksLink, effect.customCapabilities.includes(TENURE_CAPABILITY));
      }
      case "custom_message":
        if (effect.capability === LINK_CAPABILITY) this.#options.onLinkMessage(effect.type, effect.data);
        return undefined;
      case "connection_settings":
        return this.#options.onSettings(effect.offers);
      case "certificate_refused":
        return this.#options.onCertificateRefused(effect.message);
      case "adopt_uid":
        return this.#options.onUid(effect.instanceUid);
      case "server_error":
        return log.warn(
          { error: effect.error, detail: effect.message },
          "the control plane reported an error",
        );
      case "custom_refused":
        // The machines behind the link messages send again by themselves.
        return log.warn({ reason: effect.reason }, "a link message was not sent");
      case "custom_sent":
      // Not announced as capabilities, so the machine does not produce them.
      case "remote_config":
      case "packages":
      case "restart":
        return undefined;
    }
  }

  #connect(): void {
    const {
      private_key: key,
      certificate: cert,
      ca_certificates: ca,
      opamp_url: url,
    } = this.#options.identity();
    const socket = new WebSocket(url, {
      key,
      cert,
      ca,
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#speaksLink = null;
    let problem = "the connection was closed";
    let retryAfter: number | null = null;
    socket.on("open", () => this.#socket === socket && this.step({ kind: "opened" }));
    socket.on("message", (data: Buffer, isBinary) => {
      if (this.#socket === socket) this.#receive(isBinary ? data : null);
    });
    socket.on("unexpected-response", (_request, response) => {
      problem =
        REFUSALS[response.statusCode ?? 0] ?? `the control plane answered with HTTP ${response.statusCode}`;
      const asked = retryAfterMs(response.headers["retry-after"], this.#options.clock());
      // Who is not let in now will hardly be in a moment: somebody has to do something first.
      const isShutOut = response.statusCode === 401 || response.statusCode === 403;
      retryAfter = asked ?? (isShutOut ? SHUT_OUT_RETRY_MS : null);
      response.resume();
      socket.terminate();
    });
    socket.on("error", (error) => {
      if (retryAfter === null && error.message !== ABORTED) problem = describeError(error);
    });
    socket.on("close", () => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.#options.onUnlinked(problem);
      this.step({ kind: "closed", ...(retryAfter === null ? {} : { retryAfterMs: retryAfter }) });
    });
  }

  #receive(data: Buffer | null): void {
    const frame = data === null ? null : decodeFrame(data);
    const decoded = frame?.ok ? decodeServerToAgent(frame.data) : null;
    if (decoded?.ok) return this.step({ kind: "received", message: decoded.message });
    this.#options.log.warn("the control plane sent something that is no OpAMP message");
    return undefined;
  }

  /** The machine has moved on already; a socket that is no longer ours tells us nothing more. */
  #hangUp(reason: string): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    this.#options.onUnlinked(reason);
    if (socket.readyState === WebSocket.OPEN) socket.close(1000);
    else socket.terminate();
    setTimeout(() => socket.terminate(), CLOSE_MS_MAX).unref();
  }
}

/** Between two attempts of an agent that the control plane does not accept. */
const SHUT_OUT_RETRY_MS = 60_000;
const TIMER_MS_MAX = 2 ** 31 - 1;
/** A closing handshake that takes longer is cut off. */
const CLOSE_MS_MAX = 5000;
/** What `ws` says when a connection is given up before it was open; the reason was seen before. */
const ABORTED = "WebSocket was closed before the connection was established";

const REFUSALS: Record<number, string> = {
  401: "the control plane does not accept this agent's certificate; it may have been revoked or have expired: enrol it again with `flowplane agent enroll --again` and a new token",
  403: "the control plane does not let this agent connect; it may have been suspended or revoked",
  404: "there is no control plane at this address",
  429: "the control plane asked to wait",
  503: "the control plane is too busy or about to stop",
};

function describeError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "ECONNREFUSED":
      return "nobody listens at the control plane's address";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "the server's certificate is for another name";
    case "ERR_SSL_TLSV1_ALERT_CERTIFICATE_EXPIRED":
    case "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED":
      return "this agent's certificate has expired: enrol again";
    default:
      return error.message || (error.code ?? error.name);
  }
}
