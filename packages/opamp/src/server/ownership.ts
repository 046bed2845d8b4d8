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
  readonly connectionId: string;
  readonly credential: string;
  readonly heardAt: number;
  readonly superseded: readonly { readonly connectionId: string; readonly at: number }[];
};

export type Speaker = { readonly connectionId: string; readonly credential: string };

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
  const { connectionId, credential } = speaker;
  if (ownership === null) {
    return { kind: "owner", ownership: { connectionId, credential, heardAt: now, superseded: [] } };
  }
  if (ownership.connectionId === connectionId) {
    return { kind: "owner", ownership: { ...ownership, heardAt: now } };
  }
  const old = ownership.superseded.find((superseded) => superseded.connectionId === connectionId);
  if (old) {
    if (now - old.at <= LATE_MESSAGE_MS) return { kind: "late", ownership };
    const superseded = ownership.superseded.filter((other) => other !== old);
    return {
      kind: "owner_was_clone",
      ownership: { connectionId, credential, heardAt: now, superseded },
      cloneConnectionId: ownership.connectionId,
    };
  }
  if (ownership.credential !== credential && now - ownership.heardAt < OWNER_SILENT_MS) {
    return { kind: "newcomer_is_clone", ownership };
  }
  const superseded = [...ownership.superseded, { connectionId: ownership.connectionId, at: now }];
  return {
    kind: "owner",
    ownership: { connectionId, credential, heardAt: now, superseded: superseded.slice(-SUPERSEDED_MAX) },
  };
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
  if (ownership.connectionId === connectionId) return { ownership: null, wasOwner: true };
  const superseded = ownership.superseded.filter((old) => old.connectionId !== connectionId);
  return { ownership: { ...ownership, superseded }, wasOwner: false };
}
