// A certificate authority for tests: one root, a server certificate for loopback, client certificates out of requests.

import { createHash, webcrypto } from "node:crypto";
// The certificate library asks for this polyfill before it is loaded itself.
import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { X509Certificate } from "@peculiar/x509";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

export class Authority {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly certificate: X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: X509Certificate) {
    this.#keys = keys;
    this.certificate = certificate;
  }

  static async make(): Promise<Authority> {
    const keys = await makeKeys();
    const certificate = await X509CertificateGenerator.createSelfSigned({
      name: "CN=Test authority",
      keys,
      signingAlgorithm: ALGORITHM,
      ...validity(3_600_000),
      extensions: [new BasicConstraintsExtension(true, 0, true)],
    });
    return new Authority(keys, certificate);
  }

  get pem(): string {
    return this.certificate.toString("pem");
  }

  get fingerprint(): string {
    return createHash("sha256").update(Buffer.from(this.certificate.rawData)).digest("hex");
  }

  /** Key and chain of a server on loopback. */
  async server(): Promise<{ key: string; cert: string }> {
    const keys = await makeKeys();
    const certificate = await X509CertificateGenerator.create({
      subject: "CN=127.0.0.1",
      issuer: this.certificate.subject,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(3_600_000),
      extensions: [
        new SubjectAlternativeNameExtension([{ type: "ip", value: "127.0.0.1" }]),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        await AuthorityKeyIdentifierExtension.create(this.certificate),
      ],
    });
    const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const key = `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`;
    return { key, cert: `${certificate.toString("pem")}\n${this.pem}` };
  }

  /** A client certificate for the key in the request, valid from `agoMs` ago for `lifeMs`. */
  async client(csr: string, lifeMs: number, agoMs = 1000): Promise<string> {
    const request = new Pkcs10CertificateRequest(csr);
    if (!(await request.verify())) throw new Error("the request is not signed by its key");
    const certificate = await X509CertificateGenerator.create({
      subject: request.subject,
      issuer: this.certificate.subject,
      publicKey: request.publicKey,
      signingKey: this.#keys.privateKey,
      signingAlgorithm: ALGORITHM,
      ...validity(lifeMs, agoMs),
      extensions: [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])],
    });
    return certificate.toString("pem");
  }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

function validity(lifeMs: number, agoMs = 1000): { notBefore: Date; notAfter: Date } {
  const from = Date.now() - agoMs;
  return { notBefore: new Date(from), notAfter: new Date(from + lifeMs) };
}
