// The next certificate: a fresh key at two thirds of the present one's life, a request over OpAMP, and the answer taken
// only if it is for that key.

import { createPrivateKey, createPublicKey, X509Certificate } from "node:crypto";
import type { OpAMPConnectionSettings } from "@flowplane/opamp";
import { certificateTimes, renewAt, writeIdentity } from "../data/identity.ts";
import type { Identity } from "../data/identity.ts";
import { makeCertificateRequest, makePrivateKey } from "../data/keys.ts";

/** A request without an answer is made again after this long. */
export const RENEWAL_RETRY_MS = 10 * 60_000;
/** A refused request is made again after this long, and after twice as long each time it is refused again. */
export const REFUSED_RETRY_MS = 60_000;
/** At the latest, so that a certificate of a day still has several attempts left. */
export const REFUSED_RETRY_MS_MAX = 3_600_000;

export class Renewal {
  #privateKey: string | null = null;
  #askedAt = 0;
  /** In a row. */
  #refusals = 0;
  #refusedAt = 0;

  /** When `request` is due next, ms since epoch. */
  dueAt(identity: Identity): number {
    const dueAt = renewAt(certificateTimes(identity.certificate));
    if (this.#refusals > 0) return Math.max(dueAt, this.#refusedAt + this.#refusedRetryMs());
    return this.#privateKey === null ? dueAt : Math.max(dueAt, this.#askedAt + RENEWAL_RETRY_MS);
  }

  /** The control plane refused the request; the answer is how long to wait before the next one, ms. */
  refused(now: number): number {
    this.#refusals += 1;
    this.#refusedAt = now;
    return this.#refusedRetryMs();
  }

  #refusedRetryMs(): number {
    return Math.min(REFUSED_RETRY_MS * 2 ** (this.#refusals - 1), REFUSED_RETRY_MS_MAX);
  }

  /** A certificate request for a fresh key. The key is kept in memory until its certificate comes. */
  async request(identity: Identity, now: number): Promise<Uint8Array> {
    this.#privateKey ??= makePrivateKey();
    this.#askedAt = now;
    // Until it is answered, the same wait counts from now.
    this.#refusedAt = now;
    return new TextEncoder().encode(await makeCertificateRequest(this.#privateKey, identity.instance_uid));
  }

  /** The identity with the offered certificate, stored; or why the offer is not taken. */
  accept(
    dataDir: string,
    identity: Identity,
    offer: OpAMPConnectionSettings,
    now: number,
  ): Identity | { problem: string } {
    const { cert, caCert } = offer.certificate ?? { cert: new Uint8Array(), caCert: new Uint8Array() };
    const certificate = new TextDecoder().decode(cert);
    if (this.#privateKey === null) return { problem: "no certificate was asked for" };
    let parsed: X509Certificate;
    try {
      parsed = new X509Certificate(certificate);
    } catch (error) {
      return { problem: `it is no certificate: ${error instanceof Error ? error.message : String(error)}` };
    }
    const own = createPublicKey(
      createPrivateKey(this.#privateKey).export({ type: "pkcs8", format: "pem" }).toString(),
    );
    if (!parsed.publicKey.equals(own)) return { problem: "it is for another key" };
    if (Date.parse(parsed.validTo) <= now) return { problem: "it has expired already" };
    const ca = new TextDecoder().decode(caCert);
    const renewed: Identity = {
      ...identity,
      certificate,
      private_key: this.#privateKey,
      // A rotated authority comes with the certificate; the old one stays trusted until the next renewal.
      ca_certificates:
        ca === "" || identity.ca_certificates.includes(ca)
          ? identity.ca_certificates
          : [ca, ...identity.ca_certificates.slice(0, 1)],
    };
    writeIdentity(dataDir, renewed);
    this.#privateKey = null;
    this.#refusals = 0;
    return renewed;
  }
}
