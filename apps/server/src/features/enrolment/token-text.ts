import { z } from "zod";

/**
 * What an enrolment token says. It is everything an agent needs for its first contact: where to go, whose server
 * to believe there, and the secret that lets it in.
 */
export interface TokenText {
  readonly organizationId: string;
  readonly secret: string;
  /** SHA-256 over the CA certificate's DER, lower-case hex. */
  readonly caFingerprint: string;
  readonly agentsUrl: string;
}

const PREFIX = "fpe_";
const TEXT_CHARS_MAX = 2_048;

const Wire = z.object({
  v: z.literal(1),
  o: z.uuid(),
  s: z.string().min(16).max(200),
  f: z.string().regex(/^[0-9a-f]{64}$/),
  u: z.string().max(500),
});

export function writeTokenText({ organizationId, secret, caFingerprint, agentsUrl }: TokenText): string {
  const wire: z.infer<typeof Wire> = { v: 1, o: organizationId, s: secret, f: caFingerprint, u: agentsUrl };
  return PREFIX + Buffer.from(JSON.stringify(wire)).toString("base64url");
}

/** Whether a bearer credential means to be an enrolment token. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith(PREFIX);
}

/** The parts of a token, or null when the text is none. */
export function readTokenText(text: string): TokenText | null {
  if (!looksLikeToken(text) || text.length > TEXT_CHARS_MAX) return null;
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(text.slice(PREFIX.length), "base64url").toString("utf8"));
  } catch {
    // Not a token of ours, which is an answer.
    return null;
  }
  const parsed = Wire.safeParse(json);
  if (!parsed.success) return null;
  const { o, s, f, u } = parsed.data;
  return { organizationId: o, secret: s, caFingerprint: f, agentsUrl: u };
}
