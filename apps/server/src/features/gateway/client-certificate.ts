import { X509Certificate, type KeyObject } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { readAgentUri } from "../enrolment/authority.ts";
import { plainSerial } from "../enrolment/own-authority.ts";

/** What a client certificate says of its holder, once it is known to be ours. */
export interface CertificateClaims {
  readonly serial: string;
  readonly agentId: string;
  readonly organizationId: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export type CertificateVerdict =
  | { ok: true; claims: CertificateClaims }
  /** `foreign`: not from our authority, so it may be meant for somebody else on the way. */
  | { ok: false; foreign: boolean; problem: string };

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/**
 * Judges client certificates by our own authority: signature, purpose, dates. TLS itself lets every certificate through,
 * because enrolment and bearers come without one. Whether a certificate was revoked is the database's to say.
 */
export class CertificateJudge {
  readonly #authorityKey: KeyObject;
  readonly #authoritySubject: string;
  /** Read and verified once per connection; a bulk connection carries many requests. */
  readonly #known = new WeakMap<TLSSocket, CertificateVerdict>();

  constructor(authorityPem: string) {
    const authority = new X509Certificate(authorityPem);
    this.#authorityKey = authority.publicKey;
    this.#authoritySubject = authority.subject;
  }

  /** The verdict on a connection's client certificate; undefined when it shows none. */
  ofSocket(socket: TLSSocket, now: number): CertificateVerdict | undefined {
    let verdict = this.#known.get(socket);
    if (verdict === undefined) {
      const certificate = socket.getPeerX509Certificate();
      if (certificate === undefined) return undefined;
      verdict = this.#read(certificate);
      this.#known.set(socket, verdict);
    }
    return judgeDates(verdict, now);
  }

  /** The verdict on a certificate a trusted proxy forwards as (URL-encoded) PEM. */
  ofPem(pem: string, now: number): CertificateVerdict {
    try {
      return judgeDates(this.#read(new X509Certificate(decodeURIComponent(pem))), now);
    } catch {
      // Neither a URL encoding nor a certificate: an answer, and the proxy's to mend.
      return { ok: false, foreign: false, problem: "The forwarded client certificate cannot be read." };
    }
  }

  #read(certificate: X509Certificate): CertificateVerdict {
    if (certificate.issuer !== this.#authoritySubject || !certificate.verify(this.#authorityKey)) {
      return { ok: false, foreign: true, problem: "The client certificate is from another authority." };
    }
    const holder = readAgentUri(certificate.subjectAltName ?? "");
    if (holder === null || certificate.ca || !(certificate.keyUsage ?? []).includes(CLIENT_AUTH)) {
      return { ok: false, foreign: false, problem: "The certificate was not made for an agent." };
    }
    return {
      ok: true,
      claims: {
        ...holder,
        serial: plainSerial(certificate.serialNumber),
        notBefore: certificate.validFromDate.getTime(),
        notAfter: certificate.validToDate.getTime(),
      },
    };
  }
}

/**
 * One that is not valid yet is good: only our own authority makes them, so it says that our clock was ahead when it did,
 * and refusing it would lock its agent out until that day. It still expires, and is still revoked.
 */
function judgeDates(verdict: CertificateVerdict, now: number): CertificateVerdict {
  if (!verdict.ok || now < verdict.claims.notAfter) return verdict;
  const at = new Date(verdict.claims.notAfter).toISOString();
  return { ok: false, foreign: false, problem: `The client certificate expired at ${at}. Enrol again.` };
}
