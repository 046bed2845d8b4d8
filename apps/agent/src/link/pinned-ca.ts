// First contact: all that is known of the control plane is a URL and the fingerprint of its authority. One handshake
// without judgement fetches the chain, the authority is picked out of it by fingerprint, and from then on every
// connection is verified against it in the ordinary way, names included. Nothing secret travels on the first handshake.

import { createHash, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { connect } from "node:tls";
import type { DetailedPeerCertificate } from "node:tls";
import { AgentProblem } from "../data/problem.ts";

const HANDSHAKE_MS_MAX = 10_000;

/** The PEM of the authority with this SHA-256 fingerprint (hex, over DER). Throws an AgentProblem when the server shows no such one. */
export async function fetchPinnedCa(url: URL, fingerprint: string, signal: AbortSignal): Promise<string> {
  const chain = await fetchChain(url, signal);
  const pinned = chain.find((der) => createHash("sha256").update(der).digest("hex") === fingerprint);
  if (pinned) return new X509Certificate(pinned).toString();
  throw new AgentProblem(
    `The server at ${url.host} is not the one this token was made for (its certificates do not have the token's fingerprint); check the address, and whether something sits in between.`,
  );
}

function fetchChain(url: URL, signal: AbortSignal): Promise<Buffer[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer[]>();
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const socket = connect({
    host,
    port: Number(url.port || 443),
    ...(isIP(host) ? {} : { servername: host }),
    // Judged by fingerprint right below; see the top of this file.
    rejectUnauthorized: false,
    timeout: HANDSHAKE_MS_MAX,
  });
  const abort = () => socket.destroy(new Error("stopped"));
  signal.addEventListener("abort", abort, { once: true });
  socket.once("secureConnect", () => {
    const chain: Buffer[] = [];
    let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
    // The root's issuer is itself, or absent.
    while (certificate?.raw && !chain.some((seen) => seen.equals(certificate?.raw ?? Buffer.alloc(0)))) {
      chain.push(certificate.raw);
      certificate = certificate.issuerCertificate as DetailedPeerCertificate | undefined;
    }
    socket.end();
    resolve(chain);
  });
  socket.once("timeout", () =>
    socket.destroy(new Error(`no TLS handshake within ${HANDSHAKE_MS_MAX / 1000} s`)),
  );
  socket.once("error", reject);
  socket.once("close", () => {
    signal.removeEventListener("abort", abort);
    reject(new Error("the server closed the connection during the TLS handshake"));
  });
  return promise;
}
