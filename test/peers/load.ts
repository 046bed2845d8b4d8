import { once } from "node:events";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const SEND_EVERY_MS = 200;
const LINES = 10;

/** Takes whatever Collectors send to it by OTLP over HTTP. */
export interface Backend {
  readonly url: string;
  close(): void;
}

export async function startBackend(): Promise<Backend> {
  const server = createServer((request, response) => {
    request
      .resume()
      .once("end", () => response.writeHead(200, { "content-type": "application/json" }).end("{}"));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Receives over HTTP, on a port of each Collector's own. */
export function receiving(): string {
  return `receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:\${env:OTLP_PORT}"
exporters:
  debug: {}
service:
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [debug]
`;
}

/** Receives over HTTP and sends on; what cannot be sent is counted and dropped at once. */
export function forwarding(backend: string): string {
  return `receivers:
  otlp:
    protocols:
      http:
        endpoint: "127.0.0.1:\${env:OTLP_PORT}"
exporters:
  otlphttp:
    endpoint: "${backend}"
    compression: none
    retry_on_failure: {enabled: false}
service:
  pipelines:
    logs:
      receivers: [otlp]
      exporters: [otlphttp]
`;
}

/** Log records without end; a Collector that is away for a moment, or for good, is not waited for. */
export async function keepSending(port: number, signal: AbortSignal): Promise<void> {
  const logRecords = Array.from({ length: LINES }, (_, line) => ({ body: { stringValue: `line ${line}` } }));
  const body = JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords }] }] });
  while (!signal.aborted) {
    await fetch(`http://127.0.0.1:${port}/v1/logs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal,
    }).catch(() => undefined);
    await sleep(SEND_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
}
