// Agent side of events: what of the spool is sent when. The events are rows in the spool, numbered from 1 without gaps;
// this machine holds numbers only, so its size does not depend on how long the control plane was away.

/** Most events sent and not yet acknowledged. */
export const EVENT_WINDOW = 500;
/** Without progress for this long on one connection, everything unacknowledged is sent again. */
export const EVENT_RESEND_MS = 10_000;

export type OutboxState = {
  readonly spoolId: string;
  readonly connected: boolean;
  /** Highest number in the spool, highest sent on this connection, highest the control plane has stored. */
  readonly storedUpTo: number;
  readonly sentUpTo: number;
  readonly ackedUpTo: number;
  /** When something was last sent or acknowledged, in ms since epoch. */
  readonly progressAt: number;
};

export type OutboxInput =
  | { kind: "connected" }
  | { kind: "disconnected" }
  | { kind: "stored"; upTo: number }
  | { kind: "acked"; spoolId: string; upTo: number }
  | { kind: "tick" };

export type OutboxEffect =
  /** Send these numbers, both included; the shell reads them and packs them into messages of legal size. */
  | { kind: "send"; from: number; to: number }
  /** These are stored at the other end and may be deleted. */
  | { kind: "forget"; upTo: number }
  /**
   * The control plane has more of this spool than we ever wrote: our spool is an old copy, and what we would send now
   * would be taken for duplicates. Number everything unacknowledged anew under a new spool id, then `openOutbox` again.
   */
  | { kind: "renew_spool" };

/** The machine for a spool whose rows run from `ackedUpTo + 1` to `storedUpTo`. */
export function openOutbox(spoolId: string, ackedUpTo: number, storedUpTo: number): OutboxState {
  return { spoolId, connected: false, storedUpTo, sentUpTo: ackedUpTo, ackedUpTo, progressAt: 0 };
}

export function stepOutbox(
  state: OutboxState,
  input: OutboxInput,
  now: number,
): { state: OutboxState; effects: OutboxEffect[] } {
  switch (input.kind) {
    case "connected":
      return send({ ...state, connected: true, sentUpTo: state.ackedUpTo, progressAt: now }, now);
    case "disconnected":
      return { state: { ...state, connected: false }, effects: [] };
    case "stored":
      return send({ ...state, storedUpTo: Math.max(state.storedUpTo, input.upTo) }, now);
    case "acked": {
      if (input.spoolId !== state.spoolId || input.upTo <= state.ackedUpTo) return { state, effects: [] };
      if (input.upTo > state.storedUpTo) return { state, effects: [{ kind: "renew_spool" }] };
      const sentUpTo = Math.max(state.sentUpTo, input.upTo);
      const next = send({ ...state, ackedUpTo: input.upTo, sentUpTo, progressAt: now }, now);
      return { state: next.state, effects: [{ kind: "forget", upTo: input.upTo }, ...next.effects] };
    }
    case "tick":
      if (now < outboxWakeAt(state)) return { state, effects: [] };
      return send({ ...state, sentUpTo: state.ackedUpTo }, now);
  }
}

/** When the next `tick` is due, in ms since epoch; Infinity when nothing is waited for. */
export function outboxWakeAt(state: OutboxState): number {
  return state.connected && state.sentUpTo > state.ackedUpTo ? state.progressAt + EVENT_RESEND_MS : Infinity;
}

function send(state: OutboxState, now: number): { state: OutboxState; effects: OutboxEffect[] } {
  const to = Math.min(state.storedUpTo, state.ackedUpTo + EVENT_WINDOW);
  if (!state.connected || to <= state.sentUpTo) return { state, effects: [] };
  return {
    state: { ...state, sentUpTo: to, progressAt: now },
    effects: [{ kind: "send", from: state.sentUpTo + 1, to }],
  };
}
