// How two agents that poll under one instance_uid are told from one that polls. There is no connection to tell them by, and
// addresses change behind proxies; sequence numbers are all there is.
//
// The rule. Each process counts its messages. A number that does not follow the last one begins a new stream, and the old one is
// kept in mind: the agent was restarted, restored, or a message was lost. A process that is gone says nothing any more, but
// for one message that may have been on the way. So when an old stream goes on exactly where it stopped, and the newer one after it,
// and again, two processes are alive. After SWAPS_MIN such swaps between two streams, the newer of them is the second agent, and gets
// a uid of its own in the reply.
//
// Two things look like that and are not. What is received a second time, byte by byte, within LATE_MESSAGE_MS is a duplicate and begins
// nothing. Messages that overtake each other have numbers side by side, each of them once: a swap counts only between numbers
// further apart than REORDERED_MAX, or when a number comes a second time with something else to say. Two agents that send the very same
// bytes under the same numbers cannot be told from one whose messages are doubled.

import { LATE_MESSAGE_MS } from "./ownership.ts";
import type { AgentState, Incoming, Stream, Streams } from "./types.ts";

/** A process that restarts with a message on the way makes two swaps; one restored from a snapshot makes none. */
export const SWAPS_MIN = 6;
/** A stream not heard for this long is forgotten. Above the longest usual poll interval. */
export const STREAM_MEMORY_MS = 1_800_000;
/** How far messages of one process may overtake each other. */
export const REORDERED_MAX = 4n;
/** A second agent that was told to move and is silent for this long has moved. */
export const MOVED_MEMORY_MS = 180_000;
/** Old streams kept in mind; with more the one longest silent is forgotten. */
export const STREAMS_MAX = 4;
/** Messages remembered for knowing duplicates of them. */
export const RECENT_MAX = 8;

export const ONE_STREAM: Streams = { since: 0, others: [] };

export type Following =
  /** To be processed. */
  | { kind: "one"; state: AgentState }
  /** Received before: to be answered, and nothing more. */
  | { kind: "duplicate"; state: AgentState }
  /** From the second agent: give it a uid, by `withMoved`. */
  | { kind: "clone"; state: AgentState; original: Stream }
  /** From a second agent that was given this uid before. */
  | { kind: "moved"; state: AgentState; uid: string };

/** Judges a message that came over plain HTTP. */
export function followStreams(known: AgentState, { message, digest }: Incoming, now: number): Following {
  const { sequenceNum: last } = known;
  const { sequenceNum } = message;
  const isRetry = sequenceNum === last && digest === known.messageDigest;
  if (last === null || isRetry) return { kind: "one", state: noted(known, sequenceNum, digest, now) };
  const { others } = known.streams;
  const follows = sequenceNum === last + 1n;
  const moved = others.find(
    (stream) =>
      stream.movedTo !== null &&
      now - stream.heardAt <= MOVED_MEMORY_MS &&
      continues(stream, sequenceNum) &&
      !follows,
  );
  if (moved !== undefined && moved.movedTo !== null) {
    const heard = { ...moved, sequenceNum: sequenceNum.toString(), heardAt: now };
    const streams = { ...known.streams, others: others.map((stream) => (stream === moved ? heard : stream)) };
    return { kind: "moved", state: { ...known, streams }, uid: moved.movedTo };
  }
  if (follows) return { kind: "one", state: noted(known, sequenceNum, digest, now) };
  const isDuplicate = known.recent.some(
    (recent) =>
      recent.sequenceNum === sequenceNum && recent.digest === digest && now - recent.at <= LATE_MESSAGE_MS,
  );
  if (isDuplicate) return { kind: "duplicate", state: known };
  const isSecondTime = known.recent.some((recent) => recent.sequenceNum === sequenceNum);
  const state = noted(switched(known, last, sequenceNum, isSecondTime, now), sequenceNum, digest, now);
  const original = originalIn(state.streams);
  if (original === undefined || now - state.streams.since < LATE_MESSAGE_MS) return { kind: "one", state };
  return { kind: "clone", state, original };
}

/** The state once the sender of `sequenceNum` was told to use `uid`: the original's again, as it was `before`. */
export function withMoved(
  { state: { streams }, original }: Extract<Following, { kind: "clone" }>,
  before: AgentState,
  sequenceNum: bigint,
  uid: string,
  now: number,
): AgentState {
  const clone: Stream = {
    sequenceNum: sequenceNum.toString(),
    since: streams.since,
    heardAt: now,
    swaps: 0,
    movedTo: uid,
  };
  const wasLast = before.sequenceNum?.toString() === original.sequenceNum;
  return {
    ...before,
    sequenceNum: BigInt(original.sequenceNum),
    messageDigest: wasLast ? before.messageDigest : null,
    streams: {
      since: original.since,
      others: [clone, ...streams.others.filter((stream) => stream !== original)],
    },
  };
}

/** Whether a second agent was told to use this uid instead of the state's. */
export function isMovedTo(state: AgentState, uid: string): boolean {
  return state.streams.others.some(({ movedTo }) => movedTo === uid);
}

/** The older one of two that go on after each other, when the newer one is heard now. */
function originalIn({ since, others }: Streams): Stream | undefined {
  return others.find(
    (stream) => stream.swaps >= SWAPS_MIN && stream.movedTo === null && stream.since < since,
  );
}

function continues({ sequenceNum }: Stream, next: bigint): boolean {
  return BigInt(sequenceNum) === next || BigInt(sequenceNum) + 1n === next;
}

// The number does not follow the last one: an old stream goes on, or a new one begins.
function switched(
  known: AgentState,
  last: bigint,
  sequenceNum: bigint,
  isSecondTime: boolean,
  now: number,
): AgentState {
  const { since, others } = known.streams;
  const alive = others.filter(({ heardAt }) => now - heardAt <= STREAM_MEMORY_MS);
  const back = alive.find(
    (stream) => stream.movedTo === null && BigInt(stream.sequenceNum) + 1n === sequenceNum,
  );
  const distance = sequenceNum > last ? sequenceNum - last : last - sequenceNum;
  const isSwap = distance > REORDERED_MAX || isSecondTime;
  const left: Stream = {
    sequenceNum: last.toString(),
    since,
    heardAt: now,
    swaps: back === undefined ? 0 : back.swaps + (isSwap ? 1 : 0),
    movedTo: null,
  };
  const kept = [left, ...alive.filter((stream) => stream !== back)].slice(0, STREAMS_MAX);
  return { ...known, streams: { since: back === undefined ? now : back.since, others: kept } };
}

function noted(state: AgentState, sequenceNum: bigint, digest: number, at: number): AgentState {
  return { ...state, recent: [...state.recent, { sequenceNum, digest, at }].slice(-RECENT_MAX) };
}
