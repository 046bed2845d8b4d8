import { createHash } from "node:crypto";
import { Pkcs10CertificateRequest } from "./x509.ts";

/** A request that may be signed: a key whose holder signed it. Whatever else it asks for (names, CA rights, usages) is not read. */
export interface JudgedRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of `publicKey`: how we know the key again. */
  readonly publicKeyHash: Buffer;
}

export type RequestVerdict = { ok: true; request: JudgedRequest } | { ok: false; problem: string };

export const CSR_BYTES_MAX = 16 * 1024;
const RSA_BITS_MIN = 2_048;
const RSA_BITS_MAX = 4_096;
const CURVES = ["P-256", "P-384"];
const PEM =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/;
const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/**
 * Judges a PEM certificate signing request of the agent `instanceUid`: well-formed, signed by its own key, a kind of key
 * we accept, and not made for another agent (a UUID as common name must be this one's).
 */
export async function judgeRequest(pem: string, instanceUid: string): Promise<RequestVerdict> {
  if (pem.length > CSR_BYTES_MAX) return refuse(`is larger than ${CSR_BYTES_MAX} bytes`);
  const body = PEM.exec(pem)?.[1];
  if (body === undefined) return refuse("is not one PEM block `CERTIFICATE REQUEST`");
  let csr: Pkcs10CertificateRequest;
  let publicKey: Uint8Array;
  let algorithm: { name: string; namedCurve?: string; modulusLength?: number };
  try {
    csr = new Pkcs10CertificateRequest(Buffer.from(body, "base64"));
    publicKey = new Uint8Array(csr.publicKey.rawData);
    algorithm = csr.publicKey.algorithm;
  } catch (error) {
    return refuse(`cannot be read (${error instanceof Error ? error.message : String(error)})`);
  }
  const keyProblem = judgeKey(algorithm);
  if (keyProblem !== null) return refuse(keyProblem);
  if (!(await isSelfSigned(csr))) return refuse("is not signed by the key it names");
  for (const name of csr.subjectName.getField("CN")) {
    if (UUID.test(name) && plainUid(name) !== plainUid(instanceUid))
      return refuse(`names the instance ${name}, but ${instanceUid} sent it`);
  }
  return {
    ok: true,
    request: { publicKey, publicKeyHash: createHash("sha256").update(publicKey).digest() },
  };
}

function refuse(what: string): RequestVerdict {
  return { ok: false, problem: `The certificate signing request ${what}.` };
}

function judgeKey({
  name,
  namedCurve,
  modulusLength,
}: {
  name: string;
  namedCurve?: string;
  modulusLength?: number;
}) {
  if (name === "ECDSA" && namedCurve !== undefined && CURVES.includes(namedCurve)) return null;
  if (name.startsWith("RSA")) {
    const bits = modulusLength ?? 0;
    if (bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX) return null;
    return `has an RSA key of ${bits} bits; ${RSA_BITS_MIN} to ${RSA_BITS_MAX} are accepted`;
  }
  return `has a key of the kind ${namedCurve ?? name}; use P-256 (also accepted: P-384, RSA from ${RSA_BITS_MIN} bits)`;
}

async function isSelfSigned(csr: Pkcs10CertificateRequest): Promise<boolean> {
  try {
    return await csr.verify();
  } catch {
    // An algorithm that does not fit the key, or a signature that is no signature: not signed by it.
    return false;
  }
}

function plainUid(uid: string): string {
  return uid.replaceAll("-", "").toLowerCase();
}
