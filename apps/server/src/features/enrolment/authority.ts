/**
 * Who vouches for agents. Ours lives in the database (own-authority.ts); one kept elsewhere (a cloud's private CA,
 * Vault, step-ca) would be another implementation of this interface.
 */
export interface CertificateAuthority {
  /** The root agents trust, PEM. */
  readonly certificatePem: string;
  /** SHA-256 over the root's DER, lower-case hex: what an enrolment token pins. */
  readonly fingerprint: string;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
  /** A client certificate for one agent. The caller has judged the key; nothing else of a request comes in. */
  issueAgentCertificate(request: AgentCertificateRequest): Promise<IssuedCertificate>;
  /** A certificate and a fresh key for the agents' listener under these host names and addresses. */
  issueServerCertificate(hosts: readonly string[], now: number): Promise<ServerCertificate>;
  /** The signed list of revoked certificates, PEM. */
  revocationList(revoked: readonly RevokedCertificate[], now: number): Promise<string>;
}

export interface AgentCertificateRequest {
  readonly agentId: string;
  readonly organizationId: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly now: number;
}

export interface IssuedCertificate {
  readonly pem: string;
  /** Lower-case hex without leading zeros, as Node and OpenSSL show it but for the case. */
  readonly serial: string;
  /** SHA-256 over the DER, lower-case hex. */
  readonly fingerprint: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface ServerCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly notAfter: number;
}

export interface RevokedCertificate {
  readonly serial: string;
  readonly revokedAt: Date;
}

/** How long an agent's certificate lives. The agent renews it at two thirds of that. */
export const AGENT_CERTIFICATE_LIFETIME_MS = 24 * 3_600_000;
/** Clocks differ; a certificate is valid from a little before it was made. */
export const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** What a certificate of ours says about its holder, as the URI among its names. */
export function agentUri(organizationId: string, agentId: string): string {
  return `flowplane://agents/${organizationId}/${agentId}`;
}

/** Inverse of `agentUri`, over Node's text of all alternative names; null when there is none of ours. */
export function readAgentUri(subjectAltName: string): { organizationId: string; agentId: string } | null {
  const match = /(?:^|, )URI:flowplane:\/\/agents\/([0-9a-f-]{36})\/([0-9a-f-]{36})(?:$|, )/.exec(
    subjectAltName,
  );
  return match === null ? null : { organizationId: match[1] ?? "", agentId: match[2] ?? "" };
}
