import type { Server } from "node:https";
import { hostname, networkInterfaces } from "node:os";
import { isIP } from "node:net";
import type { Base } from "../../platform/context.ts";
import type { CertificateAuthority } from "../enrolment/authority.ts";
import { SERVER_CERTIFICATE_LIFETIME_MS } from "../enrolment/own-authority.ts";

const DAY_MS = 86_400_000;
/** A ticket lets an agent come back without a full handshake; longer than its certificate it need not live. */
const SESSION_SECONDS = 86_400;
const HANDSHAKE_TIMEOUT_MS = 15_000;
const TICKET_KEY_BYTES = 48;

/** Names and addresses under which agents may reach the listener: those of the settings, and this machine's own. */
export function listenerHosts(base: Pick<Base, "config">): string[] {
  const { agents, agentsUrl } = base.config;
  const named = new URL(agentsUrl).hostname.replace(/^\[|\]$/g, "");
  const isWildcard = agents.host === "0.0.0.0" || agents.host === "::";
  const own = isWildcard
    ? Object.values(networkInterfaces()).flatMap((addresses) =>
        (addresses ?? []).map(({ address }) => address.split("%", 1)[0] ?? ""),
      )
    : [agents.host];
  const hosts = ["localhost", "127.0.0.1", "::1", hostname(), named, ...own];
  return [
    ...new Set(
      hosts.filter(
        (host) => isIP(host) !== 0 || /^[A-Za-z0-9*](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(host),
      ),
    ),
  ];
}

/**
 * TLS of the agents' listener. A client certificate is asked for and not required: each route judges what it was shown,
 * so that enrolment, certificates and bearers share the port. The server's own certificate is made anew at each start
 * and at two thirds of its life.
 */
export class ListenerTls {
  readonly #base: Base;
  readonly #authority: CertificateAuthority;
  #madeAt = 0;
  #renewAt = 0;
  #ticketDay = 0;

  constructor(base: Base, authority: CertificateAuthority) {
    this.#base = base;
    this.#authority = authority;
  }

  async options() {
    return {
      ...(await this.#context()),
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      sessionTimeout: SESSION_SECONDS,
      // Without it OpenSSL refuses to resume sessions that carry a client certificate.
      sessionIdContext: "flowplane-agents",
      ticketKeys: this.#ticketKeys(),
    };
  }

  /** Renews what is due; to be called now and then. */
  async tick(server: Server): Promise<void> {
    const now = this.#base.now();
    // Made while the clock was ahead, it would not be valid yet for anybody else.
    if (now >= this.#renewAt || now < this.#madeAt) server.setSecureContext(await this.#context());
    if (Math.floor(now / DAY_MS) !== this.#ticketDay) server.setTicketKeys(this.#ticketKeys());
  }

  async #context() {
    const now = this.#base.now();
    const { certificatePem, privateKeyPem } = await this.#authority.issueServerCertificate(
      listenerHosts(this.#base),
      now,
    );
    this.#madeAt = now;
    this.#renewAt = now + (2 / 3) * SERVER_CERTIFICATE_LIFETIME_MS;
    return {
      cert: certificatePem,
      key: privateKeyPem,
      ca: this.#authority.certificatePem,
      minVersion: "TLSv1.2" as const,
    };
  }

  /**
   * Derived and not random, so that a fleet that reconnects after a restart of ours resumes its sessions instead of
   * making as many full handshakes; another key each day.
   */
  #ticketKeys(): Buffer {
    this.#ticketDay = Math.floor(this.#base.now() / DAY_MS);
    const part = (index: number) => this.#base.secrets.derive(`tls-tickets ${this.#ticketDay} ${index}`);
    return Buffer.concat([part(0), part(1)]).subarray(0, TICKET_KEY_BYTES);
  }
}
