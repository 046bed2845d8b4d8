import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { api } from "./api.ts";
import { ApiError } from "./calls.ts";
import { createSseDecoder, followEvents, SSE_EVENT_LENGTH_MAX, type ServerSentEvent } from "./sse.ts";

function decode(text: string): ServerSentEvent[] {
  return createSseDecoder().push(text);
}

describe("decoding", () => {
  test("an event has its name, its data and the last id", () => {
    expect(decode("id: 7\nevent: lines\ndata: a\ndata: b\n\n")).toEqual([
      { id: "7", event: "lines", data: "a\nb" },
    ]);
  });

  test("an id stays for the events after it, and an empty one clears it", () => {
    expect(decode("id: 7\ndata: a\n\ndata: b\n\nid\ndata: c\n\n").map((event) => event.id)).toEqual([
      "7",
      "7",
      "",
    ]);
  });

  test("comments, unknown fields and events without data give nothing", () => {
    expect(decode(": ping\n\nfoo: bar\n\nevent: lines\n\n")).toEqual([]);
  });

  test("only one space after the colon is dropped", () => {
    expect(decode("data:  x\n\ndata:y\n\n").map((event) => event.data)).toEqual([" x", "y"]);
  });

  test("an id with a NUL and a retry that is no number are ignored", () => {
    const decoder = createSseDecoder("3");
    decoder.push("id: a\0b\nretry: soon\ndata: x\n\n");
    expect([decoder.lastEventId, decoder.retryMs]).toEqual(["3", null]);
    decoder.push("retry: 1500\n");
    expect(decoder.retryMs).toBe(1500);
  });

  test("every cut of a stream with all three line ends gives the same events", () => {
    const text = 'id: 1\r\nevent: lines\r\ndata: {"a":1}\r\n\r\n: ping\rdata: x\r\rid: 2\ndata: y\n\n';
    const whole = decode(text);
    expect(whole).toHaveLength(3);
    for (let cut = 0; cut <= text.length; cut += 1) {
      const decoder = createSseDecoder();
      const events = [
        ...decoder.push(text.slice(0, cut)),
        ...decoder.push(""),
        ...decoder.push(text.slice(cut)),
      ];
      expect(events, `cut at ${cut}`).toEqual(whole);
    }
  });

  test("an event that never ends is refused", () => {
    const decoder = createSseDecoder();
    const chunk = `data: ${"x".repeat(1024 * 1024)}\n`;
    const feed = () => {
      for (let fed = 0; fed <= SSE_EVENT_LENGTH_MAX; fed += chunk.length) decoder.push(chunk);
    };
    expect(feed).toThrow(RangeError);
  });
});

describe("following", () => {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0)) await close();
  });

  async function serve(listener: RequestListener): Promise<string> {
    const server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    closers.push(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("a cut connection is resumed after the last event", async () => {
    const resumedFrom: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      resumedFrom.push(request.headers["last-event-id"] as string | undefined);
      response.writeHead(200, { "content-type": "text/event-stream" });
      if (resumedFrom.length === 1) {
        response.write("retry: 1\nid: 1\ndata: a\n\nid: 2\ndata: b\n\n", () => response.destroy());
      } else {
        response.end("id: 3\nevent: end\ndata: c\n\n");
      }
    });
    const states: string[] = [];
    const seen: string[] = [];
    const stop = new AbortController();
    const stream = followEvents(
      { origin },
      api.changeStream,
      {},
      {
        signal: stop.signal,
        onConnection: (state) => states.push(state),
      },
    );
    for await (const event of stream) {
      seen.push(event.data);
      if (event.event === "end") break;
    }
    expect(seen).toEqual(["a", "b", "c"]);
    expect(resumedFrom).toEqual([undefined, "2"]);
    expect(states).toEqual(["connected", "lost", "connected"]);
  });

  test("a refusal is thrown with its problem details", async () => {
    const problem = {
      type: "about:blank",
      title: "No such run",
      status: 404,
      detail: "There is no such run.",
      instance: "/",
      code: "not_found",
      request_id: "r1",
    };
    const origin = await serve((_, response) => {
      response.writeHead(404, { "content-type": "application/problem+json" }).end(JSON.stringify(problem));
    });
    const next = followEvents(
      { origin },
      api.changeStream,
      {},
      { signal: new AbortController().signal },
    ).next();
    await expect(next).rejects.toThrow(ApiError);
  });

  test("nobody there at the first attempt is an error, not a wait", async () => {
    const origin = await serve(() => undefined);
    for (const close of closers.splice(0)) await close();
    const next = followEvents(
      { origin },
      api.changeStream,
      {},
      { signal: new AbortController().signal },
    ).next();
    await expect(next).rejects.toMatchObject({ problem: { status: 0, code: "unreachable" } });
  });

  test("aborting ends it quietly while it waits for data", async () => {
    const stop = new AbortController();
    const origin = await serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(": hello\n\n", () => stop.abort());
    });
    const events = [];
    for await (const event of followEvents({ origin }, api.changeStream, {}, { signal: stop.signal })) {
      events.push(event);
    }
    expect(events).toEqual([]);
  });
});
