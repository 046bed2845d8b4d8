// Which connection speaks for an agent, and how a reconnect is told from a clone.
//
// The rule. A newcomer with the same credential takes over at once: after a crash or a cut cable the old
// socket may look open for minutes, and the agent must not wait for it. The old connection is kept in mind
// as superseded. A process that reconnected never uses its old socket again, except for what was still on
// the way; so when a superseded connection speaks later than LATE_MESSAGE_MS after the takeover, two
// processes are alive, and the newcomer is the clone: it gets a new uid and the old connection owns again.
// Between takeover and proof the clone's reports overwrite the agent's; the sequence gap at its end makes
// the original report everything, which repairs that.
//
// A newcomer with another credential is never a reconnect. While the owner is alive it gets a new uid;
// when the owner has been silent for OWNER_SILENT_MS it may take over (whether the credential may use this
// uid at all has been decided before, by authentication).

/** Messages on an old socket this soon after a takeover were still on the way. */
export const LATE_MESSAGE_MS = 10_000;

/** An owner not heard for this long gives way to another credential. */
export const OWNER_SILENT_MS = 120_000;

/** How many old connections are watched; with more the oldest is forgotten. */
export const SUPERSEDED_MAX = 4;

export type Ownership = {
  /** Null when the owner is gone and old connections may still deliver what was on the way. */
  readonly connectionId: string | null;
  readonly credential: string;
  /** When that connection was opened. */
  readonly openedAt: number;
  readonly heardAt: number;
  readonly superseded: readonly { readonly connectionId: string; readonly at: number }[];
};

/** A connection on which a message arrived. */
export type Speaker = {
  readonly connectionId: string;
  readonly credential: string;
  readonly openedAt: number;
  /** It carries other agents too: it is a gateway's, which may move an agent between its sockets and back. */
  readonly isShared: boolean;
};

export type Claim =
  /** The speaker owns the agent, now or still. */
  | { kind: "owner"; ownership: Ownership }
  /** Sent before the agent reconnected: answer it, process nothing. */
  | { kind: "late"; ownership: Ownership }
  /** The speaker is a second agent with this uid. */
  | { kind: "newcomer_is_clone"; ownership: Ownership }
  /** The speaker is the original; `cloneConnectionId` is the second agent with this uid. */
  | { kind: "owner_was_clone"; ownership: Ownership; cloneConnectionId: string };

/** Judges a message on a WebSocket connection. */
export function claim(ownership: Ownership | null, speaker: Speaker, now: number): Claim {
  const { connectionId, openedAt } = speaker;
  if (ownership === null) return { kind: "owner", ownership: owned(speaker, now, []) };
  if (ownership.connectionId === connectionId) {
    return { kind: "owner", ownership: { ...ownership, heardAt: now } };
  }
  const old = ownership.superseded.find((superseded) => superseded.connectionId === connectionId);
  const others = ownership.superseded.filter((other) => other !== old);
  if (old && now - old.at <= LATE_MESSAGE_MS) return { kind: "late", ownership };
  if (ownership.connectionId === null) return { kind: "owner", ownership: owned(speaker, now, others) };
  if (old && !speaker.isShared) {
    const cloneConnectionId = ownership.connectionId;
    return { kind: "owner_was_clone", ownership: owned(speaker, now, others), cloneConnectionId };
  }
  // The greeting of an older socket may be overtaken by the one of the socket that replaced it.
  if (openedAt < ownership.openedAt && now - ownership.openedAt <= LATE_MESSAGE_MS) {
    const superseded = [...others, { connectionId, at: ownership.openedAt }].slice(-SUPERSEDED_MAX);
    return { kind: "late", ownership: { ...ownership, superseded } };
  }
  if (ownership.credential !== speaker.credential && now - ownership.heardAt < OWNER_SILENT_MS) {
    return { kind: "newcomer_is_clone", ownership };
  }
  const superseded = [...others, { connectionId: ownership.connectionId, at: now }];
  return { kind: "owner", ownership: owned(speaker, now, superseded.slice(-SUPERSEDED_MAX)) };
}

function owned(speaker: Speaker, now: number, superseded: Ownership["superseded"]): Ownership {
  const { connectionId, credential, openedAt } = speaker;
  return { connectionId, credential, openedAt, heardAt: now, superseded };
}

/**
 * The ownership after a connection is gone. `wasOwner` is false for a superseded connection that closes
 * late: such an agent is still connected, through its newer socket.
 */
export function release(
  ownership: Ownership | null,
  connectionId: string,
): { ownership: Ownership | null; wasOwner: boolean } {
  if (ownership === null) return { ownership, wasOwner: false };
  const wasOwner = ownership.connectionId === connectionId;
  const superseded = ownership.superseded.filter((old) => old.connectionId !== connectionId);
  if (!wasOwner) return { ownership: { ...ownership, superseded }, wasOwner };
  return {
    ownership: superseded.length === 0 ? null : { ...ownership, connectionId: null, superseded },
    wasOwner,
  };
}

/** Whether some open connection speaks for the agent. */
export function isOwned(ownership: Ownership | null): boolean {
  return ownership !== null && ownership.connectionId !== null;
}
