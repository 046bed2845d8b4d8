import type { Logger } from "pino";
import { BatchLoader } from "./batch-loader.ts";
import type { AgentSession, Sessions } from "./sessions.ts";
import { joined } from "./settings-offer.ts";
import type { Wanted } from "./wanted.ts";

export type { Wanted };

/**
 * One part of the control plane that wants something of agents: its truth is in the database, and this is how a
 * gateway learns of it. Each source gives members of its own; of a member that two give, the source named first decides. Connection
 * settings of several become one offer (settings-offer.ts), because an agent has one hash for all of them.
 */
export interface DesiredSource {
  readonly name: string;
  /** What this server declares to agents because of the source: SERVER_CAPABILITY bits. */
  readonly capabilities: bigint;
  /**
   * What is wanted of each of these agents now, by agent id; of one that is not in the answer, nothing. It is asked for
   * some hundred agents at a time and answers with a few queries for all. Throws when the database is away.
   */
  load(agents: readonly AgentSession[]): Promise<ReadonlyMap<string, Wanted>>;
  /**
   * Agents of this process for which something may have changed since a moment (ms since the epoch): what the bus should
   * have told. It may name too many, never too few. `sessions` finds those that are here.
   */
  changedSince(since: number, sessions: Sessions): Promise<readonly string[]>;
  /** Whether what was loaded is not enough for what the agent has just said; then it is loaded again before the reply. */
  isOutdated?(session: AgentSession): boolean;
  /** What is still wanted after a message was taken in; undefined when nothing changed. For dropping what is done. */
  afterStep?(session: AgentSession): Wanted | undefined;
}

/** Look-ups that may wait: a rollout to a whole fleet asks for all of this process's agents at once. */
const WAITING_MAX = 60_000;
/** Agents of one look-up. */
const BATCH_AGENTS_MAX = 500;

/** Keeps `session.desired` what the sources want. */
export class DesiredStates {
  readonly capabilities: bigint;
  readonly #sources: readonly DesiredSource[];
  readonly #loader: BatchLoader<true>;
  readonly #sessions: Sessions;
  readonly #log: Logger;
  #batches = 0;

  constructor(sources: readonly DesiredSource[], sessions: Sessions, log: Logger) {
    this.#sources = sources;
    this.#sessions = sessions;
    this.#log = log;
    this.capabilities = sources.reduce((bits, source) => bits | source.capabilities, 0n);
    this.#loader = new BatchLoader((ids) => this.#load(ids), {
      batchMax: BATCH_AGENTS_MAX,
      waitingMax: WAITING_MAX,
    });
  }

  /** Reads again what is wanted of an agent. It never rejects: what could not be read is read again by `overdue`. */
  async load(session: AgentSession): Promise<void> {
    if (this.#sources.length === 0) return;
    try {
      await this.#loader.load(session.identity.agent_id);
    } catch (error) {
      session.mustLoadDesired = true;
      this.#log.warn({ err: error, agent_id: session.identity.agent_id }, "reading what is wanted failed");
    }
  }

  isOutdated(session: AgentSession): boolean {
    return this.#sources.some((source) => source.isOutdated?.(session) === true);
  }

  /** To be called when a message was taken in. */
  afterStep(session: AgentSession): void {
    for (const source of this.#sources) {
      const wanted = source.afterStep?.(session);
      if (wanted !== undefined) this.#set(session, source, wanted);
    }
  }

  /** Agents here whose desired state has to be read again: failed before, or changed since. */
  async overdue(since: number): Promise<AgentSession[]> {
    const found = new Set<AgentSession>();
    for (const session of this.#sessions.all())
      if (session.mustLoadDesired && session.isApproved) found.add(session);
    for (const source of this.#sources)
      for (const id of await source.changedSince(since, this.#sessions)) {
        const session = this.#sessions.ofAgent(id);
        if (session?.isApproved === true) found.add(session);
      }
    return [...found];
  }

  async #load(ids: readonly string[]): Promise<Map<string, true>> {
    this.#batches += 1;
    const batch = this.#batches;
    const sessions = ids.flatMap((id) => this.#sessions.ofAgent(id) ?? []);
    for (const source of this.#sources) {
      const wanted = await source.load(sessions);
      for (const session of sessions) {
        // A look-up that began later has read what is newer.
        if (session.desiredBatch > batch) continue;
        this.#set(session, source, wanted.get(session.identity.agent_id) ?? {});
      }
    }
    for (const session of sessions) {
      session.desiredBatch = Math.max(session.desiredBatch, batch);
      session.mustLoadDesired = false;
    }
    return new Map(ids.map((id) => [id, true]));
  }

  #set(session: AgentSession, source: DesiredSource, wanted: Wanted): void {
    session.wanted.set(source.name, wanted);
    session.desired = this.#sources.reduceRight<Wanted>(
      (all, { name }) => ({ ...all, ...session.wanted.get(name) }),
      {},
    );
    const settings = this.#sources.flatMap(({ name }) => session.wanted.get(name)?.connectionSettings ?? []);
    if (settings.length > 1) session.desired = { ...session.desired, connectionSettings: joined(settings) };
  }
}
