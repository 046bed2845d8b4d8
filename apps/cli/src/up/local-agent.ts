import { renameSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Agent, Client } from "@flowplane/contract";
import { CliError, isApiError } from "../failure.ts";

/** What the agent that comes with `flowplane up` is called until somebody renames it. */
export const LOCAL_AGENT_NAME = "local";
/** A certificate that ends sooner than this may end before it is renewed: get a new one at once. */
const CERTIFICATE_MARGIN_MS = 60_000;
const TOKEN_SECONDS = 300;
const CONNECT_LIMIT_MS = 15_000;
const CONNECT_POLL_MS = 50;

interface KnownIdentity {
  readonly agentId: string | null;
  readonly certificateExpiresAt: number | null;
}

/**
 * What has to be done before the agent of this folder can connect: `enrol` for the first time; `enrol_again` because its
 * certificate ran out while the machine was off; `replace` because this control plane does not know it, as after a change
 * of database; or nothing. Throws `CliError` when it was revoked: letting it in again is for a person to decide.
 */
export async function judgeStanding(
  client: Client,
  { agentId, certificateExpiresAt }: KnownIdentity,
  now: number,
): Promise<"enrol" | "enrol_again" | "replace" | "ready"> {
  if (agentId === null || certificateExpiresAt === null) return "enrol";
  const known = await readAgent(client, agentId);
  if (known === null) return "replace";
  if (known.state === "revoked") {
    throw new CliError("The site agent on this machine was revoked, so it is not started.", {
      advice: `To let a new one in, forget the old: \`flowplane agents rm ${known.name}\`, and start again.`,
    });
  }
  return certificateExpiresAt - now < CERTIFICATE_MARGIN_MS ? "enrol_again" : "ready";
}

async function readAgent(client: Client, agentId: string): Promise<Agent | null> {
  try {
    return await client.agentRead({ params: { agent_id: agentId } });
  } catch (error) {
    if (isApiError(error) && error.problem.status === 404) return null;
    throw error;
  }
}

/** Brings the agent's identity into order and returns its id. */
export async function ensureEnrolled(
  client: Client,
  agentDir: string,
  note: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { agentStatus, enrol } = await import("@flowplane/agent");
  const status = agentStatus(agentDir);
  const standing = await judgeStanding(client, status, Date.now());
  if (standing === "ready" && status.agentId !== null) return status.agentId;
  if (standing === "replace") {
    const aside = `${agentDir}.${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
    renameSync(agentDir, aside);
    note(`This control plane does not know the site agent here; its folder is kept as ${aside}.`);
  }
  const { secret } = await client.enrolmentTokenCreate({
    body: { name: "flowplane up", expires_in_seconds: TOKEN_SECONDS },
  });
  const again = standing === "enrol_again";
  const { agentId } = await enrol({
    dataDir: agentDir,
    token: secret,
    name: LOCAL_AGENT_NAME,
    again,
    signal,
  });
  return agentId;
}

/** Waits until the control plane sees the agent; false when it did not in time, which need not be the end of it. */
export async function waitForConnection(
  client: Client,
  agentId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = Date.now() + CONNECT_LIMIT_MS;
  while (!signal.aborted && Date.now() < deadline) {
    const agent = await readAgent(client, agentId);
    if (agent?.state === "connected") return true;
    await sleep(CONNECT_POLL_MS);
  }
  return false;
}
