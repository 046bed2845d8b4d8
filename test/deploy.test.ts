import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";
import { describe, expect, test } from "vitest";

// What deploy/ asks Prometheus for, held against what the program tells it (docs/reference/metrics.md, which a test of the
// server holds against its registry).

const ROOT = join(import.meta.dirname, "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Record<string, string>;
  readonly annotations?: Record<string, string>;
}
const rules = (
  parse(read("deploy/prometheus/rules.yaml")) as { groups: { name: string; rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(read("deploy/grafana/flowplane.json")) as {
  panels: { id: number; type: string; title: string; targets?: { expr: string }[]; gridPos: Box }[];
};
interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

/** Labels Prometheus adds to everything it scrapes. */
const OF_PROMETHEUS = ["job", "instance"];
/** Of prom-client, which tells of the process. */
const OF_NODE = [
  "process_resident_memory_bytes",
  "process_cpu_seconds_total",
  "nodejs_eventloop_lag_p99_seconds",
];
const labelsOf = knownSeries();

/** Every series the program has, with its labels: a histogram has three. */
function knownSeries(): ReadonlyMap<string, readonly string[]> {
  const rows = read("docs/reference/metrics.md").matchAll(/^\| `(flowplane_\w+)` +\| (\w+) +\| ([^|]*)\|/gm);
  const series = [...rows].flatMap(([, name = "", kind, cell = ""]) => {
    const labels = [...cell.matchAll(/`(\w+)`/g)].map(([, label = ""]) => label);
    return kind === "histogram"
      ? [
          [`${name}_bucket`, [...labels, "le"]],
          [`${name}_sum`, labels],
          [`${name}_count`, labels],
        ]
      : [[name, labels]];
  }) as [string, string[]][];
  return new Map([...series, ...OF_NODE.map((name): [string, string[]] => [name, []])]);
}

interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The selectors of a PromQL expression. Throws, with the place, when it is none. */
function selectorsOf(expression: string): Selector[] {
  // What Grafana puts in before Prometheus sees it.
  const text = expression.replace(/\$__(range|rate_interval)/g, "5m").replaceAll("$job", "flowplane");
  const selectors: Selector[] = [];
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      if (type.isError)
        throw new Error(`no PromQL at ${from}: …${text.slice(Math.max(0, from - 20), to + 20)}…`);
      if (type.name !== "VectorSelector") return;
      const identifier = node.getChild("Identifier");
      selectors.push({
        metric: identifier === null ? "" : text.slice(identifier.from, identifier.to),
        labels: labelNames(node).map(({ from, to }) => text.slice(from, to)),
      });
    },
  });
  return selectors;
}

function labelNames(selector: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = [];
  selector.cursor().iterate((node) => {
    if (node.name === "LabelName") found.push(node.node);
  });
  return found.filter(({ from, to }) => from >= selector.from && to <= selector.to);
}

function problemsOf(expression: string, recorded: ReadonlySet<string>): string[] {
  return selectorsOf(expression).flatMap(({ metric, labels }) => {
    if (recorded.has(metric)) return [];
    const known = labelsOf.get(metric);
    if (known === undefined) return [`there is no ${metric}`];
    return labels
      .filter((label) => !known.includes(label) && !OF_PROMETHEUS.includes(label))
      .map((label) => `${metric} has no label ${label}`);
  });
}

const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));

test("the check finds what is wrong", () => {
  expect(labelsOf.size).toBeGreaterThan(40);
  expect(problemsOf("sum(flowplane_no_such_thing)", recorded)).toEqual([
    "there is no flowplane_no_such_thing",
  ]);
  expect(problemsOf('flowplane_agents{nope="1"}', recorded)).toEqual(["flowplane_agents has no label nope"]);
  expect(() => problemsOf("sum by (le (x))", recorded)).toThrow("no PromQL");
});

describe("deploy/prometheus/rules.yaml", () => {
  test.each(rules.map((rule) => [rule.record ?? rule.alert ?? "", rule] as const))("%s", (name, rule) => {
    expect(problemsOf(rule.expr, recorded)).toEqual([]);
    expect(rule.for ?? "1m").toMatch(/^\d+[smhd]$/);
    if (rule.record !== undefined) {
      expect(name).toMatch(/^flowplane:\w+:\w+$/);
      return;
    }
    expect(name).toMatch(/^Flowplane[A-Z]\w+$/);
    expect(["warning", "critical"]).toContain(rule.labels?.["severity"]);
    expect(Object.keys(rule.annotations ?? {})).toEqual(["summary", "description"]);
  });

  test("no name stands twice, and every recorded series is used", () => {
    const names = rules.map((rule) => rule.record ?? rule.alert);
    expect(new Set(names).size).toBe(names.length);
    const used = rules.map(({ expr }) => expr).join("\n");
    expect([...recorded].filter((name) => !used.includes(name))).toEqual([]);
  });
});

describe("deploy/grafana/flowplane.json", () => {
  const panels = dashboard.panels.filter(({ targets }) => targets !== undefined);

  test.each(panels.map((panel) => [panel.title, panel] as const))("%s", (_title, { targets = [] }) => {
    expect(targets.length).toBeGreaterThan(0);
    expect(targets.flatMap(({ expr }) => problemsOf(expr, new Set()))).toEqual([]);
  });

  test("panels have ids of their own, lie within the grid and on no other", () => {
    const { panels: all } = dashboard;
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    const overlapping = all.flatMap(({ title, gridPos: a }, index) =>
      all
        .slice(index + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => `${title} / ${other.title}`),
    );
    expect(overlapping).toEqual([]);
    expect(all.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
  });
});
