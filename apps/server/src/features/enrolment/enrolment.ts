import type { Actor, Base, Ctx } from "../../platform/context.ts";
import { readAgentArchive, type AgentArchive } from "./agent-archive.ts";
import type { CertificateAuthority } from "./authority.ts";
import { openOwnAuthority } from "./own-authority.ts";

/** Where agents and collectors are told to go. Functions, because a listener on port 0 knows its port late. */
export interface Addresses {
  /** The agents' listener, such as `https://fleet.example:4320`. */
  readonly agentsUrl: () => string;
  /** The dashboard's listener, where collectors may also speak OpAMP with a bearer. */
  readonly httpUrl: () => string;
}

/** What enrolment needs beside the process's base. */
export interface Enrolment {
  readonly authority: CertificateAuthority;
  readonly addresses: Addresses;
  readonly archive: AgentArchive | undefined;
}

/** Opens (at the very first start: makes) the certificate authority. */
export async function openEnrolment(
  base: Pick<Base, "storage" | "secrets" | "now">,
  addresses: Addresses,
): Promise<Enrolment> {
  return { authority: await openOwnAuthority(base), addresses, archive: readAgentArchive() };
}

export const OPAMP_PATH = "/v1/opamp";

/** The same address for OpAMP over a WebSocket. */
export function opampUrl(url: string): string {
  return url.replace(/^http/, "ws") + OPAMP_PATH;
}

/** An enrolment token as the actor of what it lets happen. */
export function enrolmentActor(token: { id: string; name: string; organization_id: string }): Actor {
  return {
    type: "system",
    id: token.id,
    name: `enrolment token ${token.name}`,
    organization_id: token.organization_id,
    role: "service",
    permissions: [],
  };
}

/** A context for what an agent's own request sets in motion before the agent is anybody. */
export function enrolmentCtx(
  base: Base,
  token: { id: string; name: string; organization_id: string },
  request: { requestId: string; remoteAddress: string | null },
): Ctx {
  return {
    ...base,
    log: base.log.child({ request_id: request.requestId }),
    actor: enrolmentActor(token),
    requestId: request.requestId,
    remoteAddress: request.remoteAddress,
  };
}
