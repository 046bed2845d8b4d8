// How an agent is let in: the token a person hands it, and the call it makes with it. Both ends use these.

import { z } from "zod";
import type { Decoded } from "./codec.ts";
import { idSchema } from "./messages.ts";

export const TOKEN_PREFIX = "fpe_";
/** A token is a line somebody pastes. */
export const TOKEN_CHARS_MAX = 2048;
const CSR_CHARS_MAX = 8192;
const LABELS_MAX = 64;

/** What an enrolment token says: organization, secret, SHA-256 of the CA certificate (DER, hex), URL of the agents' listener. */
export const enrolmentTokenSchema = z.object({
  v: z.literal(1),
  o: idSchema,
  s: z.string().min(16).max(256),
  f: z.string().regex(/^[0-9a-f]{64}$/),
  u: z.url({ protocol: /^https$/ }),
});
export type EnrolmentToken = z.infer<typeof enrolmentTokenSchema>;

/** The text form: `fpe_` and base64url of JSON. */
export function encodeEnrolmentToken(token: EnrolmentToken): string {
  const binary = String.fromCharCode(...new TextEncoder().encode(JSON.stringify(token)));
  return TOKEN_PREFIX + btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The token, or why the text is none. The issue never repeats the text: it holds a secret. */
export function decodeEnrolmentToken(text: string): Decoded<EnrolmentToken> {
  const trimmed = text.trim();
  if (!trimmed.startsWith(TOKEN_PREFIX))
    return { ok: false, issue: `an enrolment token starts with ${TOKEN_PREFIX}` };
  if (trimmed.length > TOKEN_CHARS_MAX) return { ok: false, issue: "it is too long for an enrolment token" };
  let json: unknown;
  try {
    const binary = atob(trimmed.slice(TOKEN_PREFIX.length).replaceAll("-", "+").replaceAll("_", "/"));
    json = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(binary, (char) => char.charCodeAt(0))),
    );
  } catch {
    return { ok: false, issue: "the enrolment token is damaged; copy it again, all of it" };
  }
  const parsed = enrolmentTokenSchema.safeParse(json);
  return parsed.success
    ? { ok: true, value: parsed.data }
    : { ok: false, issue: "the enrolment token is of a version this agent does not know" };
}

/** Body of `POST /v1/enrol`, with the token as bearer. `csr` is PEM. */
export const enrolRequestSchema = z.object({
  csr: z.string().max(CSR_CHARS_MAX),
  instance_uid: z.uuid(),
  /** What the agent would like to be called; the host's name when it does not say. */
  name: z.string().trim().min(1).max(200).optional(),
  hostname: z.string().min(1).max(255),
  os: z.string().min(1).max(64),
  arch: z.string().min(1).max(64),
  version: z.string().min(1).max(64),
  labels: z
    .record(z.string().regex(/^[A-Za-z0-9_./-]{1,63}$/), z.string().max(255))
    .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`)
    .optional(),
  evidence: z.record(z.string().max(64), z.string().max(1024)).optional(),
});
export type EnrolRequest = z.infer<typeof enrolRequestSchema>;

/** 200: let in. 202: a person has to agree; the same call again later. */
export const enrolResponseSchema = z.discriminatedUnion("state", [
  z.object({
    state: z.literal("issued"),
    agent_id: idSchema,
    organization_id: idSchema,
    certificate: z.string(),
    ca_certificates: z.array(z.string()).min(1),
    opamp_url: z.url({ protocol: /^wss$/ }),
    bulk_url: z.url({ protocol: /^https$/ }),
  }),
  z.object({
    state: z.literal("pending"),
    agent_id: idSchema,
    retry_after_seconds: z.int().positive().max(3600),
  }),
]);
export type EnrolResponse = z.infer<typeof enrolResponseSchema>;
