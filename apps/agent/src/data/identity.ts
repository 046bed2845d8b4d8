// Who this agent is: ids, URLs, key and certificate, in one file that is replaced as a whole, so that key and certificate
// always belong together.

import { rmSync } from "node:fs";
import { join } from "node:path";
import { X509Certificate } from "node:crypto";
import { idSchema } from "@flowplane/link";
import { z } from "zod";
import { readFileIfAny, writeFileAtomically } from "./folder.ts";
import { AgentProblem } from "./problem.ts";

const identitySchema = z.object({
  agent_id: idSchema,
  organization_id: idSchema,
  instance_uid: z.uuid(),
  opamp_url: z.url(),
  bulk_url: z.url(),
  /** PKCS #8 PEM; never leaves this host. */
  private_key: z.string(),
  /** PEM of the client certificate, followed by intermediates if there are any. */
  certificate: z.string(),
  /** PEM of the authorities the control plane's own certificate is verified against. */
  ca_certificates: z.array(z.string()).min(1),
});
export type Identity = z.infer<typeof identitySchema>;

/** What exists between making the key and being let in. */
const enrolmentSchema = z.object({ instance_uid: z.uuid(), private_key: z.string() });
export type PendingEnrolment = z.infer<typeof enrolmentSchema>;

/** Null when the agent was never enrolled. Throws an AgentProblem when the file is damaged. */
export function readIdentity(dataDir: string): Identity | null {
  return readJson(join(dataDir, "identity.json"), identitySchema);
}

/** Replaces the identity; afterwards nothing is pending. */
export function writeIdentity(dataDir: string, identity: Identity): void {
  writeFileAtomically(join(dataDir, "identity.json"), JSON.stringify(identity));
  rmSync(join(dataDir, "enrolment.json"), { force: true });
}

export function readPendingEnrolment(dataDir: string): PendingEnrolment | null {
  return readJson(join(dataDir, "enrolment.json"), enrolmentSchema);
}

/** Keeps the key before anything is sent: asking again with the same key is the same enrolment. */
export function writePendingEnrolment(dataDir: string, pending: PendingEnrolment): void {
  writeFileAtomically(join(dataDir, "enrolment.json"), JSON.stringify(pending));
}

/** From when to when the certificate is valid, ms since epoch. */
export function certificateTimes(certificate: string): { notBefore: number; notAfter: number } {
  const parsed = new X509Certificate(certificate);
  return { notBefore: Date.parse(parsed.validFrom), notAfter: Date.parse(parsed.validTo) };
}

/** When to ask for the next certificate: at two thirds of this one's life. */
export function renewAt({ notBefore, notAfter }: { notBefore: number; notAfter: number }): number {
  return notBefore + ((notAfter - notBefore) * 2) / 3;
}

function readJson<T>(path: string, schema: z.ZodType<T>): T | null {
  const text = readFileIfAny(path);
  if (text === null) return null;
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw new AgentProblem(`${path} is damaged; remove it and enrol this agent again.`, { cause });
  }
}
