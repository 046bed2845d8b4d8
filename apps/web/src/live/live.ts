/**
 * The one live connection of this tab. It carries notices of what changed, never data; every 250 ms at most the queries
 * they concern are read again. A torn connection is resumed after the last event seen, so nothing is missed; when the
 * server no longer remembers that far, everything on the page is read again.
 */
import { useEffect, useSyncExternalStore } from "react";
import { api, ChangeNotice, request } from "@flowplane/contract";
import { organizationHeader } from "../api/client.ts";
import { queryClient } from "../api/query.ts";
import { isAffected } from "./affected.ts";
import { readEvents, type SseEvent } from "./sse.ts";

export type LiveState =
  | { readonly kind: "connecting" }
  | { readonly kind: "live" }
  | { readonly kind: "reconnecting"; readonly since: number }
  | { readonly kind: "paused"; readonly since: number };
type Listener = (notices: readonly ChangeNotice[] | "reset") => void;

const FLUSH_MS = 250;
const RETRY_MS_MIN = 500;
const RETRY_MS_MAX = 15_000;
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
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      const response = await request(
        { origin: "", headers: organizationHeader },
        api.changeStream,
        {},
        {
          signal,
          headers: {
            accept: "text/event-stream",
            ...(lastEventId === "" ? {} : { "last-event-id": lastEventId }),
          },
        },
      );
      if (response.ok) {
        failures = 0;
        setState({ kind: "live" });
        await readEvents(response, receive);
      }
    } catch (error) {
      if (signal.aborted) return;
      // A torn connection is the expected case here; it shows in the mark and is tried again below.
      if (!(error instanceof Error)) throw error;
    }
    if (signal.aborted) return;
    if (state.kind !== "reconnecting") setState({ kind: "reconnecting", since: Date.now() });
    await wait(retryMs(failures), signal);
  }
}

function receive(event: SseEvent): void {
  if (event.id !== "") lastEventId = event.id;
  if (event.event === "reset") pending = "reset";
  if (event.event === "change" && pending !== "reset") {
    const notice = ChangeNotice.safeParse(JSON.parse(event.data));
    // A topic this build does not know is nothing it shows.
    if (notice.success) pending.push(notice.data);
    if (pending.length > NOTICES_MAX) pending = "reset";
  }
  flushTimer ??= window.setTimeout(flush, FLUSH_MS);
}

function flush(): void {
  flushTimer = undefined;
  const batch = pending;
  pending = [];
  if (batch !== "reset" && batch.length === 0) return;
  void queryClient.invalidateQueries({
    predicate: ({ queryKey }) =>
      batch === "reset" ? queryKey[2] !== "pages" : batch.some((notice) => isAffected(queryKey, notice)),
  });
  for (const listener of listeners) listener(batch);
}

function setState(next: LiveState): void {
  state = next;
  for (const listener of stateListeners) listener();
}

function retryMs(failures: number): number {
  return Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** failures) * (0.5 + Math.random() / 2);
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
