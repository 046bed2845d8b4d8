// The way to a control plane, whole: session, exchange of messages, uploads, renewal of the certificate. An agent that
// was never enrolled has none, and everything else of it works the same.

import { aborted, every, runAll } from "@flowplane/runtime";
import type { Clock, HealthRegistry } from "@flowplane/runtime";
import type { AgentReport } from "@flowplane/opamp";
import type { Logger } from "pino";
import { writeIdentity } from "../data/identity.ts";
import type { Identity } from "../data/identity.ts";
import { BulkClient } from "../shipping/bulk-client.ts";
import { EvidenceShipper } from "../shipping/evidence-shipper.ts";
import { Shipper } from "../shipping/shipper.ts";
import { Tails } from "../shipping/tails.ts";
import type { SpoolDatabase } from "../spool/database.ts";
import { Exchange } from "./exchange.ts";
import { Renewal } from "./renewal.ts";
import { describeAgent } from "./reports.ts";
import { Session } from "./session.ts";

/** How often it is looked whether a new certificate is due. */
const RENEWAL_MS = 10_000;
/** The goodbye to the control plane may take this long. */
const GOODBYE_MS = 2000;

export type UpstreamOptions = {
  db: SpoolDatabase;
  dataDir: string;
  identity: Identity;
  clock: Clock;
  /** For whatever is waited for: a host whose clock is set back a day must not wait that day. */
  steady: Clock;
  log: Logger;
  health: HealthRegistry;
  /** What is reported at first, without the description of the agent. */
  report: Omit<AgentReport, "description">;
  onIntents: () => void;
  /** A segment of the run is stored, and its file is gone from here. */
  onGone: (runId: string, storedBytes: number) => void;
  /** Wraps a step that recurs, so that its failure ends a round and not the agent. */
  guarded: (what: string, fn: () => void | Promise<void>) => () => Promise<void>;
};

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #stop = new AbortController();
  readonly #renewal = new Renewal();
  readonly #client: BulkClient;
  readonly #tails: Tails;
  readonly #shipper: Shipper;
  readonly #evidence: EvidenceShipper;
  readonly #exchange: Exchange;
  readonly #session: Session;
  #identity: Identity;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#identity = options.identity;
    const { db, dataDir, clock, steady, log, health } = options;
    health.ok("shipping");
    health.bad("link", "connecting");
    const client = new BulkClient(this.#identity);
    this.#client = client;
    this.#tails = new Tails({ db, client, clock: steady, signal: this.#stop.signal });
    this.#shipper = new Shipper({
      db,
      dataDir,
      client,
      clock: steady,
      log,
      onGone: options.onGone,
      onProblem: (problem) => (problem === null ? health.ok("shipping") : health.bad("shipping", problem)),
    });
    this.#evidence = new EvidenceShipper({ db, client, clock, log });
    this.#exchange = new Exchange({
      db,
      clock,
      steady,
      log,
      send: (message) => this.#session.step({ kind: "send_custom", message }),
      onIntents: options.onIntents,
      // It may have heard of a run whose log and evidence had to wait for that.
      onAcked: () => {
        this.#shipper.nudge();
        this.#evidence.nudge();
      },
      onWatch: (runId, fromSeq, ttlMs) => this.#tails.watch(runId, fromSeq, ttlMs),
      onUnwatch: (runId) => this.#tails.unwatch(runId),
    });
    this.#session = this.#makeSession();
  }

  /** Events were added to the spool. */
  stored(): void {
    this.#exchange.stored();
  }

  /** The run has new lines in the spool. */
  batch(runId: string): void {
    this.#tails.nudge(runId);
  }

  /** A segment was closed. */
  segment(): void {
    this.#shipper.nudge();
  }

  /** A chunk of evidence was closed. */
  chunk(): void {
    this.#evidence.nudge();
  }

  /** Runs ended: what is shipped of them may go. */
  runsEnded(): void {
    this.#shipper.runEnded();
  }

  /** Something of what is reported about the agent changed. */
  report(parts: Partial<AgentReport>): void {
    this.#session.step({ kind: "reported", parts });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { guarded } = this.#options;
    await runAll(
      [
        {
          name: "session",
          run: (taskSignal) => {
            this.#session.start();
            return aborted(taskSignal);
          },
        },
        { name: "shipping", run: (taskSignal) => this.#shipper.run(taskSignal) },
        { name: "shipping evidence", run: (taskSignal) => this.#evidence.run(taskSignal) },
        {
          name: "renewal",
          run: (taskSignal) =>
            every(
              RENEWAL_MS,
              taskSignal,
              guarded("renewing", () => this.#renew()),
            ),
        },
      ],
      signal,
    );
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#session.stop(GOODBYE_MS);
    this.#exchange.close();
    this.#client[Symbol.dispose]();
  }

  #makeSession(): Session {
    const { dataDir, clock, log, health, report } = this.#options;
    return new Session({
      identity: () => this.#identity,
      report: { description: describeAgent(this.#identity.instance_uid), ...report },
      clock: this.#options.steady,
      log,
      onLinked: (speaksLink, isGreeted) => {
        health.ok("link", "connected");
        if (speaksLink) this.#exchange.connected(isGreeted);
        this.#shipper.retryNow();
        this.#evidence.retryNow();
      },
      onUnlinked: (why) => {
        log.info({ why }, "not linked to the control plane");
        health.bad("link", why);
        this.#exchange.disconnected();
      },
      onLinkMessage: (type, data) => {
        try {
          this.#exchange.received(type, data);
        } catch (error) {
          // The disk is full or broken. Nothing was acknowledged, so the control plane sends it again.
          log.error({ err: error }, "a link message could not be stored");
          health.bad("spool", error instanceof Error ? error.message : String(error));
        }
      },
      onSettings: (offers) => {
        if (!offers.opamp?.certificate) return;
        const accepted = this.#renewal.accept(dataDir, this.#identity, offers.opamp, clock());
        if ("problem" in accepted) return log.warn(accepted, "an offered certificate was not taken");
        this.#identity = accepted;
        this.#client.renew(accepted);
        health.ok("certificate", "renewed");
        return log.info("the certificate was renewed");
      },
      onCertificateRefused: (given) => {
        const reason = given === "" ? "it gave no reason" : given;
        const retryInMs = this.#renewal.refused(clock());
        log.warn({ reason, retryInMs }, "the control plane refused to renew the certificate");
        health.bad("certificate", `not renewed: ${reason}`);
      },
      onUid: (instanceUid) => {
        this.#identity = { ...this.#identity, instance_uid: instanceUid };
        writeIdentity(dataDir, this.#identity);
        this.report({ description: describeAgent(instanceUid) });
        // Another agent has the name we came by, and with it the spool.
        this.#exchange.copied();
      },
    });
  }

  async #renew(): Promise<void> {
    const now = this.#options.clock();
    if (now < this.#renewal.dueAt(this.#identity)) return;
    this.#session.step({
      kind: "request_certificate",
      csr: await this.#renewal.request(this.#identity, now),
    });
  }
}
