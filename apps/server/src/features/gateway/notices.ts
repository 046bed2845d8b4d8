import type { Bus } from "../../platform/bus/bus.ts";
import { subjects } from "../../platform/bus/bus.ts";

/** An agent's changes are told at most this often; the dashboards read again only then. */
export const NOTICE_INTERVAL_MS = 1_000;

/** Tells dashboards that agents changed: the first change at once, the following ones together. */
export class AgentNotices {
  readonly #bus: Bus;
  /** Agents told of within the interval, and their organization where there is more to tell. */
  #told = new Map<string, string | null>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  changed(organizationId: string, agentId: string): void {
    if (this.#told.has(agentId)) {
      this.#told.set(agentId, organizationId);
      return;
    }
    this.#told.set(agentId, null);
    this.#publish(organizationId, agentId);
  }

  /** To be called every `NOTICE_INTERVAL_MS`. */
  tick(): void {
    const told = this.#told;
    this.#told = new Map();
    for (const [agentId, organizationId] of told) {
      if (organizationId !== null) this.changed(organizationId, agentId);
    }
  }

  #publish(organizationId: string, agentId: string): void {
    this.#bus.publish(subjects.changes(organizationId), { topic: "agent", id: agentId });
  }
}
