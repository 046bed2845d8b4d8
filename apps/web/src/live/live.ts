/**
 * The one live connection of this tab. It carries notices of what changed, never data; every 250 ms at most the queries
 * they concern are read again. A torn connection is resumed after the last event seen, so nothing is missed; when the
 * server no longer remembers that far, everything on the page is read again.
 */
import { useEffect, useSyncExternalStore } from "react";
import { api, ApiError, ChangeNotice, followEvents, type ServerSentEvent } from "@flowplane/contract";
import { connectionOptions } from "../api/client.ts";
import { meQuery } from "../api/me.ts";
import { queryClient } from "../api/query.ts";
import { isAffected } from "./affected.ts";
import { readAgain } from "./readAgain.ts";

export type LiveState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "reconnecting"; readonly since: number }
  | { readonly kind: "paused"; readonly since: number };
type Listener = (notices: readonly ChangeNotice[] | "reset") => void;

const FLUSH_MS = 250;
const RETRY_MS = 3_000;
const NOTICES_MAX = 2_000;

let state: LiveState = { kind: "connecting" };
let connection: AbortController | undefined;
let lastEventId = "";
let pending: ChangeNotice[] | "reset" = [];
let flushTimer: number | undefined;
const stateListeners = new Set<() => void>();
const listeners = new Set<Listener>();

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (listener) => {
      stateListeners.add(listener);
      return () => stateListeners.delete(listener);
    },
    () => state,
  );
}

/** Calls back with each batch of notices, or "reset" when some were lost. */
export function useNotices(listener: Listener): void {
  useEffect(() => {
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listener]);
}

export function connect(): void {
  if (connection !== undefined) return;
  connection = new AbortController();
  void run(connection.signal);
}

/** Stops the connection until `connect`; what changed meanwhile is caught up then. */
export function pause(): void {
  connection?.abort();
  connection = undefined;
  setState({ kind: "paused", since: Date.now() });
}

async function run(signal: AbortSignal): Promise<void> {
  const onConnection = (how: "connected" | "lost") => {
    setState(how === "connected" ? { kind: "live" } : { kind: "reconnecting", since: Date.now() });
    // The page has read its data before it began to listen; what changed in between is in no event.
    if (how === "connected" && lastEventId === "") startOver();
  };
  while (!signal.aborted) {
    try {
      const follow = { signal, lastEventId, onConnection };
      for await (const event of followEvents(connectionOptions, api.changeStream, {}, follow)) receive(event);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (state.kind !== "reconnecting") setState({ kind: "reconnecting", since: Date.now() });
      // A refusal mostly means that the session ended; asking who we are leads to the sign-in page then.
      await queryClient.invalidateQueries({ queryKey: meQuery.queryKey });
    }
    await wait(RETRY_MS, signal);
  }
}

function receive(event: ServerSentEvent): void {
  if (event.id !== "") lastEventId = event.id;
  if (event.event === "reset") startOver();
  if (event.event === "change" && pending !== "reset") {
    const notice = ChangeNotice.safeParse(JSON.parse(event.data));
    // A topic this build does not know is nothing it shows.
    if (notice.success) pending.push(notice.data);
    if (pending.length > NOTICES_MAX) pending = "reset";
  }
  flushTimer ??= window.setTimeout(flush, FLUSH_MS);
}

function startOver(): void {
  pending = "reset";
  flushTimer ??= window.setTimeout(flush, FLUSH_MS);
}

function flush(): void {
  flushTimer = undefined;
  const batch = pending;
  pending = [];
  if (batch !== "reset" && batch.length === 0) return;
  void readAgain(queryClient, ({ queryKey }) =>
    batch === "reset" ? queryKey[2] !== "pages" : batch.some((notice) => isAffected(queryKey, notice)),
  );
  for (const listener of listeners) listener(batch);
}

function setState(next: LiveState): void {
  state = next;
  for (const listener of stateListeners) listener();
}

function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
