/** A configuration that any Collector with these components takes. */
export const GOOD = `# edge
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      http:
        endpoint: 127.0.0.1:4318
processors:
  memory_limiter:
    check_interval: 1s
    limit_mib: 400
  batch: {}
exporters:
  debug:
  otlphttp/backend:
    endpoint: https://backend.example
    headers:
      authorization: Bearer \${secret:BACKEND_TOKEN}
connectors:
  forward:
service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [memory_limiter, batch]
      exporters: [otlphttp/backend, forward]
    traces/copy:
      receivers: [forward]
      exporters: [debug]
`;

export function without(text: string, line: string): string {
  return text
    .split("\n")
    .filter((one) => one.trim() !== line)
    .join("\n");
}
