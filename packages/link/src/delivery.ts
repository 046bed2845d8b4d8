// Control plane side of delivery: which intents of one agent are outstanding, and when each is sent (again).
//
// The intents themselves are rows; this machine lives as long as the gateway serves the agent and is filled again from
// the rows after a crash. An intent leaves it only when the agent says that it has stored it. Sending twice is harmless:
// the agent knows an intent by its id.

import type { Intent } from "./messages.ts";

/** An unacknowledged intent is sent again on the same connection after this long: the agent may have failed to store it. */
export const INTENT_RESEND_MS = 15_000;
/** Most intents sent and not yet acknowledged, so that a burst does not fill the agent's socket. */
export const INTENT_WINDOW = 200;

export type DeliveryState = {
  readonly connected: boolean;
  /** In the order they were created. `sentAt` is null while not sent on this connection. */
  readonly outstanding: ReadonlyMap<string, { readonly intent: Intent; readonly sentAt: number | null }>;
};

export type DeliveryInput =
  | { kind: "connected" }
  | { kind: "disconnected" }
  | { kind: "created"; intents: readonly Intent[] }
  | { kind: "acked"; ids: readonly string[] }
  | { kind: "tick" };

export type DeliveryEffect =
  /** To the agent; the shell packs them into messages of legal size. */
  | { kind: "send"; intents: Intent[] }
  /** The agent has stored these: mark their rows delivered. */
  | { kind: "delivered"; ids: string[] };

export const emptyDelivery: DeliveryState = { connected: false, outstanding: new Map() };

export function stepDelivery(
  state: DeliveryState,
  input: DeliveryInput,
  now: number,
): { state: DeliveryState; effects: DeliveryEffect[] } {
  switch (input.kind) {
    case "connected":
      // Whatever the last connection carried may have died with it.
      return send({ connected: true, outstanding: unsent(state.outstanding) }, now);
    case "disconnected":
      return { state: { connected: false, outstanding: unsent(state.outstanding) }, effects: [] };
    case "created": {
      const outstanding = new Map(state.outstanding);
      for (const intent of input.intents)
        if (!outstanding.has(intent.id)) outstanding.set(intent.id, { intent, sentAt: null });
      return send({ ...state, outstanding }, now);
    }
    case "acked": {
      const outstanding = new Map(state.outstanding);
      const ids = input.ids.filter((id) => outstanding.delete(id));
      const next = send({ ...state, outstanding }, now);
      return ids.length === 0
        ? next
        : { state: next.state, effects: [{ kind: "delivered", ids }, ...next.effects] };
    }
    case "tick":
      return send(state, now);
  }
}

/** When the next `tick` is due, in ms since epoch; Infinity when nothing is waited for. */
export function deliveryWakeAt(state: DeliveryState): number {
  if (!state.connected) return Infinity;
  let earliest = Infinity;
  for (const { sentAt } of state.outstanding.values()) {
    if (sentAt !== null) earliest = Math.min(earliest, sentAt + INTENT_RESEND_MS);
  }
  return earliest;
}

function send(state: DeliveryState, now: number): { state: DeliveryState; effects: DeliveryEffect[] } {
  if (!state.connected) return { state, effects: [] };
  const entries = [...state.outstanding].slice(0, INTENT_WINDOW);
  const due = entries.filter(([, { sentAt }]) => sentAt === null || now - sentAt >= INTENT_RESEND_MS);
  if (due.length === 0) return { state, effects: [] };
  const outstanding = new Map(state.outstanding);
  for (const [id, { intent }] of due) outstanding.set(id, { intent, sentAt: now });
  return {
    state: { ...state, outstanding },
    effects: [{ kind: "send", intents: due.map(([, { intent }]) => intent) }],
  };
}

function unsent(outstanding: DeliveryState["outstanding"]): DeliveryState["outstanding"] {
  return new Map([...outstanding].map(([id, { intent }]) => [id, { intent, sentAt: null }]));
}
