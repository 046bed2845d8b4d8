import { ApiError, problemOf, request, type ClientOptions, type Route } from "./calls.ts";

/** One event of a `text/event-stream` (HTML standard §9.2). `id` is the last event id known when it came. */
export interface ServerSentEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Characters one event may have before the stream is given up as broken. */
export const SSE_EVENT_LENGTH_MAX = 32 * 1024 * 1024;
/** The server sends a comment well within this; silence for longer means the connection is dead. */
export const SSE_IDLE_TIMEOUT_MS = 60_000;
const RECONNECT_BASE_MS = 250;
const RECONNECT_MAX_MS = 5_000;

export interface SseDecoder {
  /** Feeds decoded text, cut anywhere, and returns the events it completes. Throws `RangeError` past the length limit. */
  push(text: string): ServerSentEvent[];
  readonly lastEventId: string;
  /** What the server asked for with `retry:`, in milliseconds. */
  readonly retryMs: number | null;
}

/** Turns the text of an event stream into events, whatever the chunks. */
export function createSseDecoder(lastEventId = ""): SseDecoder {
  let rest = "";
  let afterCarriageReturn = false;
  let event = "";
  let data: string[] = [];
  let length = 0;
  let id = lastEventId;
  let retryMs: number | null = null;

  const takeField = (line: string) => {
    const colon = line.indexOf(":");
    const name = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (name === "data") data.push(value);
    else if (name === "event") event = value;
    else if (name === "id" && !value.includes("\0")) id = value;
    else if (name === "retry" && /^\d+$/.test(value)) retryMs = Number(value);
  };
  const takeLine = (line: string): ServerSentEvent | null => {
    if (line !== "") {
      length += line.length;
      if (!line.startsWith(":")) takeField(line);
      return null;
    }
    const complete = data.length === 0 ? null : { id, event: event || "message", data: data.join("\n") };
    event = "";
    data = [];
    length = 0;
    return complete;
  };

  return {
    push(text) {
      const events: ServerSentEvent[] = [];
      // A CRLF may be cut between its two characters; its second half ends no line of its own.
      const fresh = afterCarriageReturn && text.startsWith("\n") ? text.slice(1) : text;
      if (text !== "") afterCarriageReturn = text.endsWith("\r");
      const lines = (rest + fresh).split(/\r\n|\r|\n/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const complete = takeLine(line);
        if (complete !== null) events.push(complete);
      }
      if (length + rest.length > SSE_EVENT_LENGTH_MAX) throw new RangeError("an event is too long");
      return events;
    },
    get lastEventId() {
      return id;
    },
    get retryMs() {
      return retryMs;
    },
  };
}

export interface FollowOptions {
  /** Ends the generator, without an error. */
  readonly signal: AbortSignal;
  /** Where to resume; empty: from the start. */
  readonly lastEventId?: string;
  /** Told when the connection is lost (with what was wrong) and when it is back. */
  readonly onConnection?: (state: "connected" | "lost", cause?: unknown) => void;
  readonly random?: () => number;
}

/**
 * Follows an event stream of the contract for as long as `signal` allows: a lost connection is opened again with
 * `Last-Event-ID`, after a jittered wait. The caller ends it by leaving the loop. Throws `ApiError` when the first
 * connection fails, and whenever the control plane refuses (any 4xx but 408 and 429).
 */
export async function* followEvents(
  options: ClientOptions,
  definition: Route,
  input: { params?: unknown; query?: unknown },
  follow: FollowOptions,
): AsyncGenerator<ServerSentEvent, void, void> {
  const { signal, onConnection, random = Math.random } = follow;
  let lastEventId = follow.lastEventId ?? "";
  let retryMs = RECONNECT_BASE_MS;
  let failures = 0;
  let wasConnected = false;
  while (!signal.aborted) {
    try {
      const response = await open(options, definition, input, lastEventId, signal);
      wasConnected = true;
      onConnection?.("connected");
      const decoder = createSseDecoder(lastEventId);
      for await (const text of textOf(response, signal)) {
        failures = 0;
        for (const event of decoder.push(text)) {
          lastEventId = event.id;
          yield event;
        }
        lastEventId = decoder.lastEventId;
        retryMs = decoder.retryMs ?? retryMs;
      }
      if (!signal.aborted) onConnection?.("lost");
    } catch (error) {
      if (signal.aborted) return;
      if (!wasConnected || isRefusal(error)) throw error;
      onConnection?.("lost", error);
    }
    failures += 1;
    const ceilingMs = Math.min(RECONNECT_MAX_MS, retryMs * 2 ** (failures - 1));
    await pause(Math.ceil((0.5 + random() / 2) * ceilingMs), signal);
  }
}

async function open(
  options: ClientOptions,
  definition: Route,
  input: { params?: unknown; query?: unknown },
  lastEventId: string,
  signal: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { accept: "text/event-stream" };
  if (lastEventId !== "") headers["last-event-id"] = lastEventId;
  const response = await request(options, definition, input, { signal, headers });
  if (!response.ok) throw new ApiError(await problemOf(response));
  return response;
}

async function* textOf(response: Response, signal: AbortSignal): AsyncGenerator<string, void, void> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    while (!signal.aborted) {
      const { done, value } = await readWithin(reader, SSE_IDLE_TIMEOUT_MS);
      if (done) return;
      yield decoder.decode(value, { stream: true });
    }
  } finally {
    // The stream may have failed already, and then its cancelling fails with the same error, already thrown.
    await reader.cancel().catch(() => undefined);
  }
}

async function readWithin(reader: ReadableStreamDefaultReader<Uint8Array>, timeoutMs: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing came for ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([reader.read(), timeout]);
  } finally {
    clearTimeout(timer);
  }
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof ApiError)) return error instanceof RangeError;
  const { status } = error.problem;
  return status >= 400 && status < 500 && status !== 408 && status !== 429;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
