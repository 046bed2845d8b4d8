import { expect, test } from "vitest";
import { layoutGraph } from "./layout.ts";

const SIZES = { node: { width: 100, height: 20 }, gap: { x: 10, y: 30 } };
const nodesOf = (...keys: string[]) => keys.map((key) => ({ key }));
const edge = (from: string, to: string) => ({ from, to });

test("what leads to another stands above it, and ends stand in the last row", () => {
  const edges = [
    edge("otlp", "limit"),
    edge("limit", "batch"),
    edge("batch", "backend"),
    edge("otlp", "debug"),
  ];
  const { nodes, height } = layoutGraph(nodesOf("otlp", "limit", "batch", "backend", "debug"), edges, SIZES);
  const y = new Map(nodes.map((node) => [node.key, node.y]));
  for (const { from, to } of edges) expect(y.get(from)).toBeLessThan(y.get(to) ?? 0);
  expect(y.get("debug")).toBe(y.get("backend"));
  expect(height).toBe(4 * 20 + 3 * 30);
});

test("two pipelines side by side do not cross", () => {
  const edges = [edge("a", "a1"), edge("b", "b1"), edge("a1", "a2"), edge("b1", "b2")];
  const { nodes } = layoutGraph(nodesOf("a", "b", "b1", "a1", "a2", "b2"), edges, SIZES);
  const x = new Map(nodes.map((node) => [node.key, node.x]));
  const order = (left: string, right: string) => (x.get(left) ?? 0) < (x.get(right) ?? 0);
  expect([order("a1", "b1"), order("a2", "b2")]).toEqual([order("a", "b"), order("a", "b")]);
});

test("no edge goes through a component it does not belong to", () => {
  const edges = [
    ["otlp", "limit"],
    ["limit", "batch"],
    ["batch", "count"],
    ["count", "limit2"],
    ["limit2", "backend"],
    ["otlp", "limit2"],
    ["batch", "backend"],
    ["host", "limit2"],
  ].map(([from = "", to = ""]) => edge(from, to));
  const keys = [...new Set(edges.flatMap(({ from, to }) => [from, to]))];
  const layout = layoutGraph(nodesOf(...keys), edges, SIZES);
  expect(layout.edges).toHaveLength(edges.length);
  for (const { from, to, points } of layout.edges) {
    for (const { x, y } of points) {
      const box = layout.nodes.find(
        (node) => x > node.x && x < node.x + 100 && y >= node.y && y <= node.y + 20,
      );
      expect([from, to, undefined]).toContain(box?.key);
    }
  }
});

test("no two nodes stand on each other, whatever the graph", () => {
  const keys = Array.from({ length: 40 }, (_, index) => `n${index}`);
  const edges = keys.flatMap((key, index) => [
    edge(key, `n${(index * 7) % 40}`),
    edge(key, `n${(index * 3 + 1) % 40}`),
  ]);
  const { nodes } = layoutGraph(nodesOf(...keys), edges, SIZES);
  for (const [index, a] of nodes.entries())
    for (const b of nodes.slice(index + 1))
      expect(a.y !== b.y || Math.abs(a.x - b.x) >= 100, `${a.key} and ${b.key}`).toBe(true);
});

test("nothing at all, and edges to nobody", () => {
  expect(layoutGraph([], [], SIZES)).toMatchObject({ height: 0, nodes: [] });
  expect(layoutGraph(nodesOf("a"), [edge("a", "gone")], SIZES).nodes).toEqual([{ key: "a", x: 0, y: 0 }]);
});
