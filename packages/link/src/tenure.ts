// Who may act for an agent, when there may be two of it: a virtual machine that was cloned has the same certificate and the
// same spool as the one it was cloned from.
//
// Each connection gets the spool a new token, which the agent stores before it goes on; the control plane keeps the newest one
// it knows to be stored. Of two spools that were one, the first to come back gets the next token, and the other is known by not having it:
// it goes on under a spool of its own. Runs and orders belong to a *holder*, the first of the spools that followed each other on
// one host; what belongs to one holder is never given to another. An order that was sent and not confirmed is sent again only as long as
// the host has not been started anew: a clone of it always has been, and could carry out what its original did.

import type { LinkEvent } from "./messages.ts";

/** What the control plane knows of one spool of an agent. */
export type SpoolRecord = {
  readonly spoolId: string;
  readonly holder: string;
  /** The newest token that the agent has stored; null before the first. */
  readonly token: string | null;
  /** Given to it, and not known to be stored. */
  readonly offered: string | null;
  /** The spool that took its place on the same host. */
  readonly followedBy: string | null;
  /** The holder whose spool it was copied from, and how many of its first events are that holder's. */
  readonly copyOf: string | null;
  readonly inheritedUpTo: number;
  /** Which start of its host it last came from. */
  readonly bootId: string | null;
};

/** What an agent says of its spool. `tokens` are the newest ones it has stored. */
export type Hello = {
  readonly spoolId: string;
  readonly bootId: string | null;
  readonly tokens: readonly string[];
  /** The spool it was made from: on the same host, or as a copy on another one. */
  readonly from: {
    readonly spoolId: string;
    readonly isCopy: boolean;
    readonly inheritedUpTo: number;
  } | null;
};

export type HelloVerdict =
  /** Store `records`, then offer `token`. */
  | { readonly kind: "offer"; readonly records: readonly SpoolRecord[]; readonly token: string }
  /** It is the copy of a spool that went on elsewhere: it needs one of its own. */
  | { readonly kind: "copy" };

/** Judges an agent's hello by all that is known of its spools; `token` is one that was never used. */
export function judgeHello(
  known: ReadonlyMap<string, SpoolRecord>,
  hello: Hello,
  token: string,
): HelloVerdict {
  const { spoolId, tokens, from } = hello;
  const record = known.get(spoolId);
  if (record !== undefined) {
    if (record.followedBy !== null || !isShown(record, tokens)) return { kind: "copy" };
    return offer([], { ...record, token: newestShown(record, tokens), bootId: hello.bootId }, token);
  }
  const fresh: SpoolRecord = {
    spoolId,
    holder: spoolId,
    token: tokens.at(-1) ?? null,
    offered: null,
    followedBy: null,
    copyOf: null,
    inheritedUpTo: 0,
    bootId: hello.bootId,
  };
  const parent = from === null ? undefined : known.get(from.spoolId);
  if (from === null || (parent === undefined && !from.isCopy)) return offer([], fresh, token);
  if (!from.isCopy && parent !== undefined && parent.followedBy === null && isShown(parent, tokens)) {
    const followed = { ...parent, followedBy: spoolId };
    return offer([followed], { ...fresh, holder: parent.holder }, token);
  }
  return offer(
    [],
    { ...fresh, copyOf: parent?.holder ?? from.spoolId, inheritedUpTo: from.inheritedUpTo },
    token,
  );
}

/** The record once the agent says that it has stored `token`; null when that is not the last one it was given. */
export function takeToken(record: SpoolRecord, token: string): SpoolRecord | null {
  if (record.followedBy !== null) return null;
  if (record.offered === token) return { ...record, token, offered: null };
  return record.offered === null && record.token === token ? record : null;
}

/** To whom what an event says belongs: the first events of a copy are those of the spool it was copied from. */
export function holderOf(record: SpoolRecord, seq: number): string {
  return record.copyOf !== null && seq <= record.inheritedUpTo ? record.copyOf : record.holder;
}

/** A spool that is not known to have stored one yet is taken at its word. */
function isShown({ token, offered }: SpoolRecord, tokens: readonly string[]): boolean {
  if (token === null) return true;
  return [token, offered].some((known) => known !== null && tokens.includes(known));
}

function newestShown({ token, offered }: SpoolRecord, tokens: readonly string[]): string | null {
  return offered !== null && tokens.includes(offered) ? offered : token;
}

function offer(others: readonly SpoolRecord[], record: SpoolRecord, token: string): HelloVerdict {
  return { kind: "offer", records: [...others, { ...record, offered: token }], token };
}

/** The text by which one event is told from every other, whichever spool it is in and under whichever number; to be hashed. */
export function printText({ type, run_id, at, payload }: LinkEvent): string {
  // The time of a stop's signal is added after the event was written.
  const { signalled_at: _, ...rest } = payload;
  return JSON.stringify([type, run_id ?? null, at, rest]);
}

/**
 * Agent side: whether what the control plane has stored of the spool was written here. `upTo` is how far it has stored, `isSame`
 * whether the event with that number is the same here and there, where it is in the spool. Else the spool was copied, and what is stored
 * of it since was written elsewhere.
 */
export function isOwnHistory(
  { ackedUpTo, storedUpTo }: { readonly ackedUpTo: number; readonly storedUpTo: number },
  upTo: number,
  isSame: () => boolean,
): boolean {
  if (upTo <= ackedUpTo) return true;
  return upTo <= storedUpTo && isSame();
}
