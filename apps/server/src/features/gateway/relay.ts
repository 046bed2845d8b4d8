import { create } from "@bufbuild/protobuf";
import { decodeAgentToServer, ServerToAgentSchema, type ServerToAgent } from "@flowplane/opamp";
import { z } from "zod";
import type { Credential } from "./credentials.ts";

// Gateways that carry many agents over few sockets. Such a gateway has no credentials of its own to judge agents by: it
// passes the headers of each agent's request on in a custom message, `connect`, and lets the agent in when `connectResult`
// says so. The message names no instance_uid, since the agent has not said one yet; a request_uid pairs the two.

export const RELAY_CAPABILITY = "com.bindplane.opamp-gateway";
const CONNECT = "connect";
const CONNECT_RESULT = "connectResult";
/** Of one `connect`: the headers of one request. */
const CONNECT_BYTES_MAX = 64 * 1024;
/** Credentials remembered per socket; a gateway with more agents opens more sockets. */
export const VOUCHERS_MAX = 20_000;

const connectSchema = z.object({
  request_uid: z.string().min(1).max(200),
  remote_address: z.string().max(200).default(""),
  headers: z.record(z.string().max(200), z.array(z.string())).default({}),
});

/** An agent that knocks at a gateway. */
export interface ConnectRequest {
  readonly requestUid: string;
  /** Its address as the gateway sees it. */
  readonly remoteAddress: string;
  /** What it shows: its Authorization header, as it stands. */
  readonly authorization: string | undefined;
}

export type ReadConnect = { ok: true; request: ConnectRequest } | { ok: false; problem: string };

/** The `connect` in a message that names no agent; undefined when the message is anything else. */
export function connectIn(data: Uint8Array): ReadConnect | undefined {
  if (data.byteLength > CONNECT_BYTES_MAX * 2) return undefined;
  const decoded = decodeAgentToServer(data);
  const custom = decoded.ok ? decoded.message.customMessage : undefined;
  if (custom?.capability !== RELAY_CAPABILITY) return undefined;
  return readConnect(custom.type, custom.data);
}

export function readConnect(type: string, data: Uint8Array): ReadConnect {
  if (type !== CONNECT)
    return { ok: false, problem: `${RELAY_CAPABILITY} has no message ${JSON.stringify(type)} for servers.` };
  if (data.byteLength > CONNECT_BYTES_MAX)
    return { ok: false, problem: `A connect message may have ${CONNECT_BYTES_MAX} bytes.` };
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    return { ok: false, problem: `A connect message is JSON; this one is not: ${String(error)}` };
  }
  const parsed = connectSchema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0] ?? { path: [], message: "is not valid" };
    return { ok: false, problem: `The connect message is not valid: /${path.join("/")}: ${message}.` };
  }
  const { request_uid, remote_address, headers } = parsed.data;
  const authorization = Object.entries(headers).find(([name]) => name.toLowerCase() === "authorization")?.[1];
  return {
    ok: true,
    request: {
      requestUid: request_uid,
      remoteAddress: remote_address,
      authorization: authorization?.[0],
    },
  };
}

/** What became of a `connect`. `status` is the HTTP status the gateway answers the agent's request with. */
export interface ConnectVerdict {
  readonly accept: boolean;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export function connectResult(requestUid: string, { accept, status, headers }: ConnectVerdict) {
  const data = new TextEncoder().encode(
    JSON.stringify({
      request_uid: requestUid,
      accept,
      http_status_code: status,
      response_headers: headers,
    }),
  );
  return { capability: RELAY_CAPABILITY, type: CONNECT_RESULT, data };
}

/** A `connectResult` for a message that named no agent, and so is for the gateway itself. */
export function connectReply(
  requestUid: string,
  verdict: ConnectVerdict,
  announced: { capabilities: bigint; customCapabilities: readonly string[] } | undefined,
): ServerToAgent {
  return create(ServerToAgentSchema, {
    customMessage: connectResult(requestUid, verdict),
    ...(announced === undefined
      ? {}
      : {
          capabilities: announced.capabilities,
          customCapabilities: { capabilities: [...announced.customCapabilities] },
        }),
  });
}

/** Who may be meant by an instance_uid, as the database has it. */
export interface KnownInstance {
  readonly agentId: string;
  readonly enrolmentTokenId: string | null;
}

/**
 * The credentials that agents behind one socket have shown, and which agent came by which. What an agent showed is told
 * before it says who it is. So a known one is matched by what it is known by; a new one goes by the credential that all
 * who have not said who they are have in common, if they have one.
 */
export class Vouchers {
  readonly #credentials = new Map<string, Credential>();
  readonly #byUid = new Map<string, Credential>();
  /** Accepted and not seen to speak yet: how many, by credential. */
  readonly #unclaimed = new Map<string, number>();

  /** False when there are too many. */
  add(credential: Credential): boolean {
    const name = nameOf(credential);
    if (!this.#credentials.has(name) && this.#credentials.size >= VOUCHERS_MAX) return false;
    this.#credentials.set(name, credential);
    this.#unclaimed.set(name, (this.#unclaimed.get(name) ?? 0) + 1);
    return true;
  }

  /** The credential an instance came by; undefined when that is the socket's own. */
  of(uid: string): Credential | undefined {
    return this.#byUid.get(uid);
  }

  /** Which credential a first message is to be judged by; undefined: the socket's own. */
  choose(known: KnownInstance | undefined): Credential | undefined {
    if (known !== undefined)
      return (
        this.#credentials.get(`agent:${known.agentId}`) ??
        (known.enrolmentTokenId === null
          ? undefined
          : this.#credentials.get(`token:${known.enrolmentTokenId}`))
      );
    const [only, ...others] = this.#unclaimed.keys();
    return only === undefined || others.length > 0 ? undefined : this.#credentials.get(only);
  }

  /** An instance was let in by this credential. */
  claim(uid: string, credential: Credential): void {
    if (this.#byUid.size >= VOUCHERS_MAX) return;
    this.#byUid.set(uid, credential);
    const name = nameOf(credential);
    const left = (this.#unclaimed.get(name) ?? 0) - 1;
    if (left > 0) this.#unclaimed.set(name, left);
    else this.#unclaimed.delete(name);
  }

  /** Forgets what was shown of an agent whose credential is revoked. */
  forget(agentId: string): void {
    this.#credentials.delete(`agent:${agentId}`);
    this.#unclaimed.delete(`agent:${agentId}`);
    for (const [uid, credential] of this.#byUid)
      if (credential.kind === "agent" && credential.identity.agent_id === agentId) this.#byUid.delete(uid);
  }
}

/** Names who authenticated, not the secret, so that it survives renewals. */
export function nameOf(credential: Credential): string {
  return credential.kind === "token"
    ? `token:${credential.token.id}`
    : `agent:${credential.identity.agent_id}`;
}
