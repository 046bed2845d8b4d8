import { randomInt } from "node:crypto";
import { Agent } from "node:https";
import { arch, hostname, release } from "node:os";
import { decodeEnrolmentToken, ENROL_PATH, enrolResponseSchema } from "@flowplane/link";
import type { EnrolRequest, EnrolResponse } from "@flowplane/link";
import { newUid } from "@flowplane/opamp";
import { backoffMs, retryAfterMs, wait } from "@flowplane/runtime";
import { lockEnrolment, lockFolder, prepareFolder } from "../data/folder.ts";
import {
  certificateTimes,
  readIdentity,
  readPendingEnrolment,
  writeIdentity,
  writePendingEnrolment,
} from "../data/identity.ts";
import type { PendingEnrolment } from "../data/identity.ts";
import { makeCertificateRequest, makePrivateKey } from "../data/keys.ts";
import { AgentProblem } from "../data/problem.ts";
import { AGENT_VERSION } from "../version.ts";
import { sendHttps } from "./https.ts";
import { fetchPinnedCa } from "./pinned-ca.ts";

export type EnrolOptions = {
  /** The agent's data folder; made when missing. */
  dataDir: string;
  /** The `fpe_…` token. */
  token: string;
  /** URL of the agents' listener, when it differs from the one in the token. */
  server?: string;
  /** What the agent would like to be called, instead of its host's name. */
  name?: string;
  /** Get a new certificate for an agent that is enrolled here, under the identity and the key it has. */
  again?: boolean;
  /** Labels the agent asks for; the token may add to them. */
  labels?: Record<string, string>;
  /** What vouches for this host (a cloud's instance id, for example). */
  evidence?: Record<string, string>;
  signal?: AbortSignal;
  /** Called each time a person still has to agree, or the server cannot be reached yet. */
  onWaiting?: (why: { reason: "pending" | "unreachable"; detail: string; retryInMs: number }) => void;
};

export type Enrolled = {
  agentId: string;
  organizationId: string;
  instanceUid: string;
  /** Ms since epoch. */
  certificateExpiresAt: number;
};

const RETRY = { baseMs: 1000, maxMs: 60_000 };
const REQUEST_MS_MAX = 30_000;
/** The server refused for good: another try with the same token would be the same. */
const FINAL_STATUSES = new Set([400, 401, 403, 404, 409, 410, 413, 422]);

/**
 * Lets this host be known to a control plane: makes the key, sends a certificate request with the token, waits while a
 * person has to agree, stores the certificate. An enrolment that was cut off goes on with the same key and uid.
 *
 * Rejects with an AgentProblem when the token or the server is wrong, the agent is enrolled already, or the folder cannot
 * be used; network failures are tried again until `signal` aborts.
 */
export async function enrol(options: EnrolOptions): Promise<Enrolled> {
  const { dataDir, signal = new AbortController().signal, onWaiting = () => undefined } = options;
  const decoded = decodeEnrolmentToken(options.token);
  if (!decoded.ok) throw new AgentProblem(`This is no enrolment token: ${decoded.issue}.`);
  const token = decoded.value;
  const url = parseServer(options.server ?? token.u);
  prepareFolder(dataDir);
  using _enrolling = lockEnrolment(dataDir);
  const identity = readIdentity(dataDir);
  // An agent that is enrolled holds its identity in memory and replaces it by itself, so it must not run meanwhile.
  using _lock = identity === null ? null : lockFolder(dataDir);
  if (identity !== null && options.again !== true)
    throw new AgentProblem(
      `This agent is enrolled already (${dataDir}); choose another data folder for a second one, or enrol this one again with --again.`,
    );

  const pending = identity ?? readPendingEnrolment(dataDir) ?? beginEnrolment(dataDir);
  const body = await makeRequest(pending, options);
  for (let failures = 0; ;) {
    signal.throwIfAborted();
    const answer = await ask(url, token.f, options.token.trim(), body, signal);
    if (answer.kind === "issued") return store(dataDir, pending, answer.response);
    failures = answer.kind === "pending" ? 0 : failures + 1;
    const retryInMs = answer.retryInMs ?? backoffMs(failures, Math.random, RETRY);
    onWaiting({ reason: answer.kind, detail: answer.detail, retryInMs });
    await wait(retryInMs, signal);
  }
}

type Issued = Extract<EnrolResponse, { state: "issued" }>;
type Answer =
  | { kind: "issued"; response: Issued }
  | { kind: "pending" | "unreachable"; detail: string; retryInMs: number | null };

async function ask(
  url: URL,
  fingerprint: string,
  token: string,
  body: EnrolRequest,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const ca = await fetchPinnedCa(url, fingerprint, signal);
    const { status, headers, text } = await sendHttps(new URL(ENROL_PATH, url), {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify(body),
      agent: new Agent({ ca, keepAlive: false }),
      timeoutMs: REQUEST_MS_MAX,
      signal,
    });
    return judge(status, headers["retry-after"], text);
  } catch (error) {
    if (error instanceof AgentProblem || signal.aborted) throw error;
    return { kind: "unreachable", detail: tellCause(error), retryInMs: null };
  }
}

function judge(status: number, retryAfter: string | undefined, text: string): Answer {
  const json = parseJson(text);
  if (FINAL_STATUSES.has(status)) {
    throw new AgentProblem(
      `The control plane did not let this agent in: ${describeProblem(json) ?? `HTTP ${status}`}.`,
    );
  }
  const retryInMs = retryAfterMs(retryAfter, Date.now());
  if (status !== 200 && status !== 202)
    return { kind: "unreachable", detail: describeProblem(json) ?? `HTTP ${status}`, retryInMs };
  const parsed = enrolResponseSchema.safeParse(json);
  if (!parsed.success)
    throw new AgentProblem("The server's answer is not one of a Flowplane control plane; check the address.");
  if (parsed.data.state === "issued") return { kind: "issued", response: parsed.data };
  return {
    kind: "pending",
    detail: "a person has to approve this agent",
    retryInMs: retryInMs ?? parsed.data.retry_after_seconds * 1000,
  };
}

function store(dataDir: string, { instance_uid, private_key }: PendingEnrolment, response: Issued): Enrolled {
  const { state: _state, ...issued } = response;
  const { notAfter } = certificateTimes(response.certificate);
  writeIdentity(dataDir, { ...issued, instance_uid, private_key });
  return {
    agentId: response.agent_id,
    organizationId: response.organization_id,
    instanceUid: instance_uid,
    certificateExpiresAt: notAfter,
  };
}

function beginEnrolment(dataDir: string): PendingEnrolment {
  const random = () => randomInt(2 ** 32) / 2 ** 32;
  const pending = { instance_uid: newUid(Date.now(), random), private_key: makePrivateKey() };
  writePendingEnrolment(dataDir, pending);
  return pending;
}

async function makeRequest(
  pending: PendingEnrolment,
  { name, labels, evidence }: EnrolOptions,
): Promise<EnrolRequest> {
  return {
    csr: await makeCertificateRequest(pending.private_key, pending.instance_uid),
    instance_uid: pending.instance_uid,
    hostname: hostname(),
    os: `${process.platform} ${release()}`.slice(0, 64),
    arch: arch(),
    version: AGENT_VERSION,
    ...(name === undefined ? {} : { name }),
    ...(labels ? { labels } : {}),
    ...(evidence ? { evidence } : {}),
  };
}

function parseServer(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol === "https:") return url;
  throw new AgentProblem(
    `${text} is no https URL; give the address of the agents' listener, for example https://flowplane.example.com:4320.`,
  );
}

/** The sentence of an RFC 9457 problem. */
function describeProblem(json: unknown): string | null {
  if (typeof json !== "object" || json === null) return null;
  const { detail, title } = json as { detail?: unknown; title?: unknown };
  const text = typeof detail === "string" ? detail : typeof title === "string" ? title : null;
  return text?.replace(/\.$/, "").slice(0, 500) ?? null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function tellCause(error: unknown): string {
  return error instanceof Error
    ? error.message || ((error as NodeJS.ErrnoException).code ?? error.name)
    : String(error);
}
