import { jwtVerify, SignJWT } from "jose";
import { JOSEError } from "jose/errors";
import type { Base } from "../../platform/context.ts";

const ISSUER = "flowplane";
/** Another audience than bearers have: this one opens the door for telemetry and no other. */
const AUDIENCE = "flowplane-otlp";
const KEY_PURPOSE = "agent-telemetry";
/** How long one credential lasts, and how long before its end the next is offered. */
const PERIOD_SECONDS = 365 * 86_400;
const OVERLAP_SECONDS = 30 * 86_400;

/** Whose credential it is. `epoch` must be the agent's: moving that on makes older ones worthless. */
export interface TelemetryClaims {
  readonly agentId: string;
  readonly organizationId: string;
  readonly epoch: number;
}

/**
 * The credential with which an agent sends telemetry about itself. The same text for the same agent until its time is
 * nearly over, whichever process makes it, because a changed one is a changed offer, and that restarts Collectors.
 */
export function telemetryCredential(
  base: Pick<Base, "secrets" | "now">,
  { agentId, organizationId, epoch }: TelemetryClaims,
): Promise<string> {
  const period = Math.floor((base.now() / 1_000 + offsetOf(agentId)) / (PERIOD_SECONDS - OVERLAP_SECONDS));
  const from = period * (PERIOD_SECONDS - OVERLAP_SECONDS) - offsetOf(agentId);
  return new SignJWT({ org: organizationId, epoch })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(agentId)
    .setIssuedAt(from)
    .setExpirationTime(from + PERIOD_SECONDS)
    .sign(base.secrets.derive(KEY_PURPOSE));
}

/** Reads such a credential; null when it is none of ours, was changed, or its time is over. */
export async function readTelemetryCredential(
  base: Pick<Base, "secrets" | "now">,
  text: string,
): Promise<TelemetryClaims | null> {
  try {
    const { payload } = await jwtVerify(text, base.secrets.derive(KEY_PURPOSE), {
      algorithms: ["HS256"],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: new Date(base.now()),
      requiredClaims: ["sub", "org", "epoch", "exp"],
    });
    return {
      agentId: String(payload.sub),
      organizationId: String(payload["org"]),
      epoch: Number(payload["epoch"]),
    };
  } catch (error) {
    if (error instanceof JOSEError) return null;
    throw error;
  }
}

/** Spreads the ends of periods over a fleet, so that not all Collectors restart on one day. In seconds. */
function offsetOf(agentId: string): number {
  return Number.parseInt(agentId.replaceAll("-", "").slice(-8), 16) % (PERIOD_SECONDS - OVERLAP_SECONDS);
}
