// Keys and certificate requests.

import { createPrivateKey, generateKeyPairSync, webcrypto } from "node:crypto";

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256" } as const;

/** A fresh P-256 key as PKCS #8 PEM. */
export function makePrivateKey(): string {
  return generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
}

/** A PKCS #10 request in PEM for the key, with `name` as common name. What the certificate will say is the issuer's to decide. */
export async function makeCertificateRequest(privateKeyPem: string, name: string): Promise<string> {
  // Needed once a day at most, and large: it is not worth its memory in between. The library asks for the polyfill first.
  await import("reflect-metadata");
  const { Pkcs10CertificateRequestGenerator } = await import("@peculiar/x509");
  const der = createPrivateKey(privateKeyPem).export({ type: "pkcs8", format: "der" });
  const privateKey = await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"]);
  const { d: _secret, key_ops: _ops, ...publicJwk } = await webcrypto.subtle.exportKey("jwk", privateKey);
  const publicKey = await webcrypto.subtle.importKey("jwk", publicJwk, ALGORITHM, true, ["verify"]);
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: `CN=${name}`,
    keys: { privateKey, publicKey },
    signingAlgorithm: { ...ALGORITHM, hash: "SHA-256" },
  });
  return request.toString("pem");
}
