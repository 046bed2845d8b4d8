import { drainDelaysMs } from "@flowplane/opamp";
import { every, type Task } from "@flowplane/runtime";
import type { FastifyInstance } from "fastify";
import type { WireMessage } from "@flowplane/contract";
import {
  subjects,
  type AgentRevoked,
  type AgentsDesired,
  type BusMessage,
  type Subscription,
} from "../../platform/bus/bus.ts";
import { newId, type Base } from "../../platform/context.ts";
import { findRevokedSince } from "../enrolment/holders.ts";
import { writeAttempts } from "../delivery/attempts.ts";
import { OPAMP_PATH, type Enrolment } from "../enrolment/enrolment.ts";
import { createDownloads } from "../releases/download.ts";
import { writePackages } from "../releases/reported.ts";
import { markLost } from "../fleet/status.ts";
import { Admission } from "./admission.ts";
import { BEAT_MS, GatewayBeats } from "./beats.ts";
import type { TelemetryHttp } from "./agent-http.ts";
import { CertificateJudge } from "./client-certificate.ts";
import { Components } from "./components.ts";
import { Credentials } from "./credentials.ts";
import { DesiredStates, type DesiredSource } from "./desired.ts";
import { Dialogue } from "./dialogue.ts";
import { installOpampEdge, type OpampEdgeOptions } from "./http-opamp.ts";
import { GATEWAY_LIMITS, messageLimits, type GatewayLimits } from "./limits.ts";
import { Link, type ApplyEvents } from "./link.ts";
import { createAgentListener, listen, type AgentListener } from "./listener.ts";
import { findAgentsAwaited } from "./intents.ts";
import { AgentNotices, NOTICE_INTERVAL_MS } from "./notices.ts";
import { WireRecorder } from "./recorder.ts";
import { Sessions } from "./sessions.ts";
import { WebSockets } from "./websocket.ts";
import { StatusWriter } from "./writer.ts";

/** On the dashboard's listener OpAMP has the specification's path, and the one of the older gateway documents. */
const HTTP_PATHS = [OPAMP_PATH, "/api/v1/opamp/v1/opamp"];
const HOUSEKEEPING_MS = 10_000;
/** An HTTP agent's session is kept in memory this long after its last poll. */
const POLL_MEMORY_MS = 300_000;
/** For what is not yet written when everything else has stopped. */
const LAST_FLUSH_MS = 2_000;
/** A change may become visible this long after the time it is stamped with; clocks of nodes differ less. */
const COMMIT_MS_MAX = 40_000;
const UNAVAILABLE_RETRY_MS = 30_000;
/** Why a socket is closed, as its peer reads it. */
const REVOKED = "this credential was revoked";

export interface GatewayOptions {
  readonly enrolment: Enrolment;
  readonly applyEvents: ApplyEvents;
  /** Who wants something of agents; of a member of the offer that two give, the first decides. */
  readonly desiredSources?: readonly DesiredSource[];
  readonly limits?: Partial<GatewayLimits>;
  readonly random?: () => number;
}

/** The gateway role: everything between agents and the rest of the control plane. */
export interface Gateway {
  /** Where features hang routes for agents; before `listen`. */
  readonly agentHttp: TelemetryHttp;
  /** Serves OpAMP with bearers, and the files of packages, on the dashboard's listener as well; before that one listens. */
  installOpamp(fastify: FastifyInstance): void;
  /** Opens the agents' listener; resolves to its port. */
  listen(): Promise<number>;
  /** Pings, renewals, resends: to be run as long as the process lives. */
  readonly task: Task;
  /** The last messages of an agent on this process. */
  wire(agentId: string): WireMessage[];
  /** Looks in the database for what the bus did not bring; done every few seconds anyhow. */
  catchUp(): Promise<void>;
  /** Writes what is pending, for tests and for reads that must see it. */
  flush(): Promise<void>;
  /** Sends agents away, spread over a few seconds, and writes what is left. */
  close(): Promise<void>;
}

export async function createGateway(base: Base, options: GatewayOptions): Promise<Gateway> {
  const { opampMessageBytesMax, opampPollsPerSecond } = base.config;
  const configured = {
    ...(opampMessageBytesMax === undefined ? {} : { messageBytesMax: opampMessageBytesMax }),
    ...(opampPollsPerSecond === undefined
      ? {}
      : { pollsPerSecond: opampPollsPerSecond, pollBurst: 2 * opampPollsPerSecond }),
  };
  const limits = { ...GATEWAY_LIMITS, ...configured, ...options.limits };
  const random = options.random ?? Math.random;
  const { enrolment } = options;
  const now = base.now;
  const notices = new AgentNotices(base.bus);
  const recorder = new WireRecorder();
  const components = new Components(base);
  const credentials = new Credentials(base, new CertificateJudge(enrolment.authority.certificatePem));
  const writer = new StatusWriter({
    db: base.storage.system,
    log: base.log,
    intervalMs: limits.writeIntervalMs,
    writeAttempts,
    writePackages,
    onWritten: (organizationId, agentId) => notices.changed(organizationId, agentId),
    onDropped: (agentId) => sessions.startOver(agentId),
  });
  const sessions = new Sessions(base, writer, newId);
  const desired = new DesiredStates(options.desiredSources ?? [], sessions, base.log);
  const dialogue = new Dialogue({
    base,
    enrolment,
    sessions,
    writer,
    recorder,
    components,
    credentials,
    desired,
    limits: messageLimits(limits),
    random,
  });
  const link = new Link({
    base,
    applyEvents: options.applyEvents,
    push: (session) => dialogue.push(session),
    random,
  });
  dialogue.link = link;
  const admissionOf = (perSecond: number, burst: number) =>
    new Admission({ perSecond, burst, now: now(), random });
  const admission = admissionOf(limits.admissionsPerSecond, limits.admissionBurst);
  const polls = admissionOf(limits.pollsPerSecond, limits.pollBurst);
  const retryAfterMs = () => UNAVAILABLE_RETRY_MS * (1 + random());
  const sockets = new WebSockets({ dialogue, recorder, limits, log: base.log, now, retryAfterMs });
  const { publicUrl } = base.config;
  const edge: OpampEdgeOptions = {
    credentials,
    admission,
    polls,
    dialogue,
    sockets,
    recorder,
    limits,
    now,
    publicUrl,
  };

  const listener: AgentListener = await createAgentListener(base, enrolment);
  installOpampEdge(listener.fastify, edge, [OPAMP_PATH], false);
  const downloads = createDownloads(base);
  downloads.install(listener.fastify, [OPAMP_PATH]);

  const onAgent = (topic: string, act: (agentId: string, message: BusMessage) => void): Subscription =>
    base.bus.subscribe(`agent.*.${topic}`, (message) => act(message.subject.split(".")[1] ?? "", message));
  const subscriptions = [
    onAgent("nudge", (agentId) => {
      const session = sessions.ofAgent(agentId);
      if (session === undefined) return;
      if (session.isApproved) link.loadIntents(session);
      else
        dialogue
          .reconsider(session)
          .catch((error: unknown) =>
            base.log.warn({ err: error, agent_id: agentId }, "reading an agent's approval failed"),
          );
    }),
    onAgent("watch", (agentId, { data }) => {
      const session = sessions.ofAgent(agentId);
      if (session !== undefined) link.watch(session, data);
    }),
    onAgent("restart", (agentId) => {
      const session = sessions.ofAgent(agentId);
      if (session === undefined) return;
      session.restart = { id: newId() };
      dialogue.push(session);
    }),
    base.bus.subscribe(subjects.agentsDesired, ({ data }) => {
      for (const agentId of (data as AgentsDesired).agent_ids) {
        const session = sessions.ofAgent(agentId);
        if (session?.isApproved === true) void dialogue.redesire(session);
      }
    }),
    onAgent("revoked", (agentId, { data }) => {
      credentials.forget(agentId);
      dialogue.cutOff(agentId, now(), REVOKED, (data as AgentRevoked).proofs);
    }),
  ];

  const beats = new GatewayBeats(base, {
    isWriting: () => writer.isHealthy,
    stalledAfterMs: limits.stalledAfterMs,
    awayUntil: () => Math.max(admission.awayUntil, polls.awayUntil),
  });

  const startedAt = now();
  let caughtUpAt = startedAt;
  /** The bus only makes things soon: what it did not bring is found here. */
  const catchUp = async () => {
    const since = new Date(caughtUpAt);
    const at = now();
    for (const { agent_id, revoked_at, proof } of await findRevokedSince(base.storage.system, since)) {
      credentials.forget(agent_id);
      dialogue.cutOff(agent_id, revoked_at.getTime(), REVOKED, proof === null ? undefined : [proof]);
    }
    for (const agentId of await findAgentsAwaited(base.storage.system)) {
      const session = sessions.ofAgent(agentId);
      if (session?.isApproved === true) link.loadIntents(session);
    }
    for (const session of sessions.all()) if (!session.isApproved) await dialogue.reconsider(session);
    const overdue = await desired.overdue(caughtUpAt - COMMIT_MS_MAX);
    await Promise.all(overdue.map((session) => dialogue.redesire(session)));
    caughtUpAt = at;
  };
  const housekeep = async () => {
    await listener.tls.tick(listener.server);
    sessions.forgetPolls(now() - POLL_MEMORY_MS);
    await catchUp();
    // Whom a crash of ours left connected gets the time to come back; and silence means nothing while we cannot write.
    if (!writer.isHealthy || now() - startedAt < limits.lostAfterMs) return;
    for (const lost of await markLost(base.storage.system, new Date(now()), limits.lostAfterMs))
      notices.changed(lost.organization_id, lost.id);
  };
  const guarded = (what: string, work: () => Promise<void>) => () =>
    work().catch((error: unknown) => base.log.warn({ err: error }, `${what} failed; it is tried again`));

  return {
    agentHttp: {
      fastify: listener.fastify,
      base,
      identify: (request) => credentials.agentOf(request),
      identifyTelemetry: (request, trustHeader) => credentials.telemetryOf(request, trustHeader),
    },
    installOpamp(fastify) {
      installOpampEdge(fastify, edge, HTTP_PATHS, true);
      downloads.install(fastify, HTTP_PATHS);
    },
    listen: () => listen(listener, base.config.agents),
    task: {
      name: "gateway",
      async run(signal) {
        await Promise.all([
          every(sockets.tickMs, signal, () => sockets.tick()),
          every(NOTICE_INTERVAL_MS, signal, () => {
            notices.tick();
            link.tick(now());
          }),
          every(HOUSEKEEPING_MS, signal, guarded("the gateway's housekeeping", housekeep)),
          every(
            BEAT_MS,
            signal,
            guarded("the gateway's beat", () => beats.beat()),
          ),
        ]);
      },
    },
    wire: (agentId) => recorder.read(agentId),
    catchUp,
    flush: () => writer.flush(),
    async close() {
      admission.drain();
      polls.drain();
      dialogue.drain();
      await sockets.drain(
        (count) => drainDelaysMs(count, Math.min(limits.drainMs, count * 2), random),
        limits.drainMs + 1_000,
      );
      for (const subscription of subscriptions) subscription.close();
      link.close();
      beats.close();
      await listener.fastify.close();
      await writer.close(Date.now() + LAST_FLUSH_MS);
    },
  };
}
