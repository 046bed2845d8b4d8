import type { ConfigurationOverlay } from "@flowplane/contract";

/** What the mock's first configuration was, version by version. */
const FIRST = `# What every shop's Collector runs.
receivers:
  otlp:
    protocols:
      grpc:
        endpoint: 127.0.0.1:4317
      http:
        endpoint: 127.0.0.1:4318

processors:
  batch:
    timeout: 5s

exporters:
  otlphttp/backend:
    endpoint: https://backend.example:4318
    headers:
      authorization: Bearer \${secret:BACKEND_TOKEN}

service:
  pipelines:
    traces:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlphttp/backend]
`;
const LIMITED = FIRST.replace(
  "processors:\n  batch:",
  "processors:\n  memory_limiter:\n    check_interval: 1s\n    limit_mib: 400\n  batch:",
).replace("processors: [batch]", "processors: [memory_limiter, batch]");
const METRICS = LIMITED.replace(
  "\nprocessors:",
  "  hostmetrics:\n    collection_interval: 30s\n    scrapers:\n      cpu:\n      memory:\n\nprocessors:",
).concat(`    metrics:
      receivers: [otlp, hostmetrics]
      processors: [memory_limiter, batch]
      exporters: [otlphttp/backend]
`);
const LOGS = METRICS.replace(
  "\nprocessors:",
  "  filelog/nginx:\n    include: [/var/log/nginx/*.log]\n    start_at: end\n\nprocessors:",
).concat(`    logs:
      receivers: [filelog/nginx]
      processors: [memory_limiter, batch]
      exporters: [otlphttp/backend]
`);
const COUNTED = LOGS.replace("\nservice:", "\nconnectors:\n  count:\n\nservice:")
  .replace(
    "exporters: [otlphttp/backend]\n    metrics:",
    "exporters: [otlphttp/backend, count]\n    metrics:",
  )
  .replace("[otlp, hostmetrics]", "[otlp, hostmetrics, count]");
const FASTER = COUNTED.replace("timeout: 5s", "timeout: 2s\n    send_batch_size: 4096");
const KAFKA = FASTER.replace(
  "\nconnectors:",
  "  kafka/audit:\n    brokers: [kafka-1.example:9092]\n    topic: audit\n\nconnectors:",
).replace(/exporters: \[otlphttp\/backend\]\n$/, "exporters: [otlphttp/backend, kafka/audit]\n");

export const BODIES: readonly { readonly body: string; readonly message: string }[] = [
  { body: FIRST, message: "First version" },
  { body: LIMITED, message: "Keep memory below 400 MiB" },
  { body: METRICS, message: "CPU and memory of the hosts" },
  { body: LOGS, message: "nginx's logs" },
  { body: COUNTED, message: "Count spans as a metric" },
  { body: FASTER, message: "Send every two seconds" },
  { body: KAFKA, message: "Audit logs to Kafka" },
];

export const OVERLAYS: readonly ConfigurationOverlay[] = [
  {
    name: "berlin",
    selector: 'site == "Berlin"',
    body: "# Berlin keeps its data in its own region.\nexporters:\n  otlphttp/backend:\n    endpoint: https://berlin.backend.example:4318\n",
  },
  {
    name: "small-hosts",
    selector: 'labels.env == "staging"',
    body: "processors:\n  memory_limiter:\n    limit_mib: 150\n  batch:\n    send_batch_size: 512\n",
  },
];
