import type { Metric, Registry } from "prom-client";
import { SITES_MAX } from "./gauges.ts";

/** What each label says and how many values it can have: nothing a request or an agent chooses makes a series. */
export const LABELS: Readonly<Record<string, { readonly says: string; readonly atMost: string }>> = {
  action: { says: "what was done, one of the program's own words", atMost: "about 80" },
  actor: { says: "`user`, `api_token`, `agent` or `system`", atMost: "4" },
  category: { says: "category of an incident", atMost: "6" },
  direction: { says: "`received` or `sent`", atMost: "2" },
  listener: { says: "`api` or `agents`", atMost: "2" },
  occasion: { says: "what a certificate was issued for", atMost: "3" },
  organization: { says: "name of the organization", atMost: `with \`site\`: ${SITES_MAX}, and \`other\`` },
  outcome: { says: "what became of it", atMost: "8" },
  reason: { says: "why, one of the program's own words", atMost: "8" },
  result: { says: "`met` or `missed`", atMost: "2" },
  role: { says: "database role", atMost: "2" },
  route: {
    says: "path template of the contract, `none` for paths there are none of",
    atMost: "one per endpoint, twice: with `/v1` too",
  },
  severity: { says: "`info`, `warning` or `critical`", atMost: "3" },
  signal: { says: "`metrics`, `logs` or `traces`", atMost: "3" },
  site: { says: "name of the site", atMost: `with \`organization\`: ${SITES_MAX}, and \`other\`` },
  source: { says: "`policy` or `person`", atMost: "2" },
  state: { says: "state of what is counted", atMost: "6" },
  status: { says: "HTTP status", atMost: "about 20" },
  transport: { says: "`ws` or `http`", atMost: "2" },
  work: { says: "kind of background work", atMost: "one per kind" },
};

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** Every figure of ours in a registry, by name; those of Node itself are left out. */
export async function describeMetrics(registry: Registry): Promise<Described[]> {
  const types = new Map((await registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
  // The library keeps the names of a metric's labels and does not tell them in its types.
  const all = registry.getMetricsAsArray() as unknown as (Metric & Omit<Described, "type">)[];
  return all
    .filter(({ name }) => name.startsWith("flowplane_"))
    .map(({ name, help, labelNames }) => ({ name, help, labelNames, type: types.get(name) ?? "unknown" }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** docs/reference/metrics.md. */
export function metricsReference(described: readonly Described[]): string {
  const metrics = described.map(
    ({ name, help, type, labelNames }) =>
      `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(", ")} | ${help.replace(/\.$/, "")} |`,
  );
  const labels = Object.entries(LABELS).map(
    ([label, { says, atMost }]) => `| \`${label}\` | ${says} | ${atMost} |`,
  );
  return `${INTRODUCTION}
## Metrics

| name | kind | labels | says |
| --- | --- | --- | --- |
${metrics.join("\n")}

## Labels

| label | says | values, at most |
| --- | --- | --- |
${labels.join("\n")}
`;
}

const INTRODUCTION = `# Metrics

<!-- Made by apps/server/src/write-metrics.ts from the program's own registry. Change a metric, then run it again. -->

\`GET /metrics\` answers in Prometheus' text format: without a credential on the machine itself, from elsewhere with an owner's
API token. The process's own figures (\`process_…\`, \`nodejs_…\`) are those of [prom-client](https://github.com/siimon/prom-client).
A ready dashboard and alert rules are in [deploy](../../deploy/README.md).

Counters and histograms are each process's own and start at nothing with it. Gauges that stand in the database, such as
\`flowplane_runs_active\`, are set by the process that has the role \`worker\`, every 15 seconds; where several have it, take the
maximum. A histogram \`x\` is told as \`x_bucket\`, \`x_sum\` and \`x_count\`.
`;
