import type { WireMessage } from "@flowplane/contract";
import { redactMessage, type AgentToServer, type ServerToAgent } from "@flowplane/opamp";

/** Messages kept of one agent, both ways together. */
export const WIRE_MESSAGES_MAX = 60;
/** Bytes of JSON kept of one agent, and of all. */
export const WIRE_BYTES_PER_AGENT_MAX = 128 * 1024;
export const WIRE_BYTES_MAX = 32 * 1024 * 1024;
/** What an entry costs beside its text. */
const ENTRY_BYTES = 160;

type Direction = WireMessage["direction"];

interface Entry {
  at: number;
  readonly direction: Direction;
  readonly bytes: number;
  readonly summary: string;
  /** Redacted JSON; kept as text, which is smaller than objects and hardly ever read. */
  json: string;
  /** How many messages in a row it stands for. */
  count: number;
}

interface Ring {
  entries: Entry[];
  bytes: number;
}

/**
 * The last OpAMP messages of each agent, redacted, for the page that shows what is said on the wire. Heartbeats and
 * their empty replies are the bulk of all traffic and say nothing one by one: a row of them is one entry with a count.
 */
export class WireRecorder {
  readonly #rings = new Map<string, Ring>();
  #bytes = 0;

  received(agentId: string, message: AgentToServer, bytes: number, now: number): void {
    this.#add(agentId, "received", message, bytes, now);
  }

  sent(agentId: string, message: ServerToAgent, bytes: number, now: number): void {
    this.#add(agentId, "sent", message, bytes, now);
  }

  /** Oldest first. */
  read(agentId: string): WireMessage[] {
    return (this.#rings.get(agentId)?.entries ?? []).map((entry) => ({
      at: new Date(entry.at).toISOString(),
      direction: entry.direction,
      bytes: entry.bytes,
      summary:
        entry.count === 1 ? entry.summary : `${entry.summary} (${entry.count} in a row, the last one shown)`,
      message: JSON.parse(entry.json) as Record<string, unknown>, // written by #add
    }));
  }

  /** Bytes held, as accounted. */
  get bytes(): number {
    return this.#bytes;
  }

  forget(agentId: string): void {
    const ring = this.#rings.get(agentId);
    if (ring === undefined) return;
    this.#bytes -= ring.bytes;
    this.#rings.delete(agentId);
  }

  #add(
    agentId: string,
    direction: Direction,
    message: AgentToServer | ServerToAgent,
    bytes: number,
    now: number,
  ): void {
    const ring = this.#rings.get(agentId) ?? { entries: [], bytes: 0 };
    // Moved to the end: the map is in order of use, and the first is the one to give way.
    this.#rings.delete(agentId);
    this.#rings.set(agentId, ring);
    const summary = summarise(direction, message);
    const json = JSON.stringify(redactMessage(message));
    const like = isPlain(summary)
      ? ring.entries.slice(-2).find((entry) => entry.direction === direction)
      : undefined;
    if (like?.summary === summary) {
      like.at = now;
      like.count += 1;
      this.#account(ring, json.length - like.json.length);
      like.json = json;
    } else {
      ring.entries.push({ at: now, direction, bytes, summary, json, count: 1 });
      this.#account(ring, json.length + ENTRY_BYTES);
    }
    while (
      ring.entries.length > WIRE_MESSAGES_MAX ||
      (ring.bytes > WIRE_BYTES_PER_AGENT_MAX && ring.entries.length > 1)
    ) {
      const dropped = ring.entries.shift();
      this.#account(ring, -((dropped?.json.length ?? 0) + ENTRY_BYTES));
    }
    for (const [oldest] of this.#rings) {
      if (this.#bytes <= WIRE_BYTES_MAX || oldest === agentId) break;
      this.forget(oldest);
    }
  }

  #account(ring: Ring, bytes: number): void {
    ring.bytes += bytes;
    this.#bytes += bytes;
  }
}

const HEARTBEAT = "heartbeat";
const REPLY = "reply";

function isPlain(summary: string): boolean {
  return summary === HEARTBEAT || summary === REPLY;
}

/** The sub-messages present, in words. */
function summarise(direction: Direction, message: AgentToServer | ServerToAgent): string {
  const parts = Object.entries(message)
    .filter(([name, value]) => !ALWAYS_THERE.has(name) && value !== undefined && value !== 0n)
    .map(([name]) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`));
  if (parts.length > 0) return parts.join(", ");
  return direction === "received" ? HEARTBEAT : REPLY;
}

const ALWAYS_THERE = new Set(["$typeName", "$unknown", "instanceUid", "sequenceNum", "capabilities"]);
