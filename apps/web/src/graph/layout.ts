/** Places for the components of a configuration: layers from top to bottom, few crossings, no edge through a box. Pure. */
export interface GraphNode {
  readonly key: string;
}
export interface GraphEdge {
  readonly from: string;
  readonly to: string;
}
export interface Point {
  readonly x: number;
  readonly y: number;
}
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Upper left corners. */
  readonly nodes: readonly (Point & { readonly key: string })[];
  /** The points each edge goes through, its ends among them. */
  readonly edges: readonly (GraphEdge & { readonly points: readonly Point[] })[];
}
export interface Sizes {
  readonly node: { readonly width: number; readonly height: number };
  readonly gap: { readonly x: number; readonly y: number };
}

const SWEEPS = 8;
const ALIGNMENTS = 6;
/** The room an edge takes that passes a layer. */
const LANE_PX = 10;

/** What stands in a layer: a component, or the passage of an edge that goes further down. */
interface Item {
  readonly key: string;
  readonly width: number;
  readonly up: Item[];
  readonly down: Item[];
  depth: number;
  middle: number;
}

/**
 * A node stands one layer below the lowest of those that lead to it; one that leads nowhere stands in the last layer.
 * Edges over several layers get a place in each. Layers are ordered by the middle of the neighbours (Sugiyama 1981),
 * down and up in turns, and moved towards them as far as there is room.
 */
export function layoutGraph(
  nodes: readonly GraphNode[],
  edges: readonly GraphEdge[],
  { node, gap }: Sizes,
): Layout {
  const depths = depthsOf(nodes, edges);
  const items = new Map(
    nodes.map(({ key }) => [key, itemOf(key, node.width, depths.get(key) ?? 0)] as const),
  );
  const layers: Item[][] = Array.from({ length: Math.max(0, ...depths.values()) + 1 }, () => []);
  for (const item of items.values()) layers[item.depth]?.push(item);
  const chains = edges.flatMap((edge) => {
    const [from, to] = [items.get(edge.from), items.get(edge.to)];
    if (from === undefined || to === undefined || from.depth >= to.depth) return [];
    return [{ edge, chain: chainOf(from, to, layers) }];
  });
  const ordered = align(order(layers), gap.x);
  const left = Math.min(0, ...ordered.flat().map((item) => item.middle - item.width / 2));
  const right = Math.max(0, ...ordered.flat().map((item) => item.middle + item.width / 2));
  const top = (depth: number) => depth * (node.height + gap.y);
  return {
    width: right - left,
    height: nodes.length === 0 ? 0 : top(layers.length - 1) + node.height,
    nodes: [...items.values()].map((item) => ({
      key: item.key,
      x: item.middle - item.width / 2 - left,
      y: top(item.depth),
    })),
    edges: chains.map(({ edge, chain }) => ({
      ...edge,
      points: chain.flatMap((item, index): Point[] => {
        const x = item.middle - left;
        const [above, below] = [
          { x, y: top(item.depth) },
          { x, y: top(item.depth) + node.height },
        ];
        return index === 0 ? [below] : index === chain.length - 1 ? [above] : [above, below];
      }),
    })),
  };
}

function itemOf(key: string, width: number, depth: number): Item {
  return { key, width, depth, up: [], down: [], middle: 0 };
}

function depthsOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): Map<string, number> {
  const depths = new Map(nodes.map(({ key }) => [key, 0]));
  const real = edges.filter(({ from, to }) => depths.has(from) && depths.has(to) && from !== to);
  // As many rounds as nodes are enough for any path; a circle, which no Collector takes, ends there too.
  for (let round = 0, moved = true; moved && round < nodes.length; round += 1) {
    moved = false;
    for (const { from, to } of real) {
      const least = Math.min((depths.get(from) ?? 0) + 1, nodes.length - 1);
      if ((depths.get(to) ?? 0) >= least) continue;
      depths.set(to, least);
      moved = true;
    }
  }
  const leading = new Set(real.map(({ from }) => from));
  const last = Math.max(0, ...depths.values());
  for (const { to } of real) if (!leading.has(to)) depths.set(to, last);
  // Depths that nobody has, as after a circle, are closed up.
  const used = [...new Set(depths.values())].toSorted((a, b) => a - b);
  return new Map([...depths].map(([key, depth]) => [key, used.indexOf(depth)]));
}

/** The items an edge passes, made where there are none, and tied to each other. */
function chainOf(from: Item, to: Item, layers: readonly Item[][]): Item[] {
  const chain = [from];
  for (let depth = from.depth + 1; depth < to.depth; depth += 1) {
    const lane = itemOf(`${from.key} ${to.key} ${depth}`, LANE_PX, depth);
    layers[depth]?.push(lane);
    chain.push(lane);
  }
  chain.push(to);
  for (const [index, item] of chain.entries()) {
    const next = chain[index + 1];
    if (next === undefined) continue;
    item.down.push(next);
    next.up.push(item);
  }
  return chain;
}

function order(layers: readonly Item[][]): Item[][] {
  let ordered = layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const place = new Map(
      ordered.flatMap((layer) => layer.map((item, index) => [item, (index + 0.5) / layer.length] as const)),
    );
    const goesDown = sweep % 2 === 0;
    const byDepth = goesDown ? ordered : ordered.toReversed();
    const next = byDepth.map((layer) => {
      const wanted = (item: Item) => mean(goesDown ? item.up : item.down, (other) => place.get(other) ?? 0.5);
      const sorted = layer
        .map((item) => ({ item, at: wanted(item) ?? place.get(item) ?? 0.5 }))
        .toSorted((a, b) => a.at - b.at)
        .map(({ item }) => item);
      for (const [index, item] of sorted.entries()) place.set(item, (index + 0.5) / sorted.length);
      return sorted;
    });
    ordered = goesDown ? next : next.toReversed();
  }
  return ordered;
}

/** Gives every item its middle: as near to its neighbours' as the others of its layer allow. */
function align(layers: Item[][], gap: number): Item[][] {
  for (const layer of layers) pack(layer, gap, () => 0);
  for (let round = 0; round < ALIGNMENTS; round += 1) {
    for (const layer of round % 2 === 0 ? layers : layers.toReversed())
      pack(layer, gap, (item) => mean([...item.up, ...item.down], ({ middle }) => middle) ?? item.middle);
  }
  return layers;
}

/** From the left no further left than wanted, from the right no further right; the middle of both keeps every distance. */
function pack(layer: readonly Item[], gap: number, wanted: (item: Item) => number): void {
  const wants = layer.map(wanted);
  const distance = (a: Item, b: Item) => (a.width + b.width) / 2 + gap;
  const fromLeft = [...wants];
  for (let index = 1; index < layer.length; index += 1) {
    const [before, item] = [layer[index - 1], layer[index]];
    if (before === undefined || item === undefined) continue;
    fromLeft[index] = Math.max(fromLeft[index] ?? 0, (fromLeft[index - 1] ?? 0) + distance(before, item));
  }
  const fromRight = [...wants];
  for (let index = layer.length - 2; index >= 0; index -= 1) {
    const [item, after] = [layer[index], layer[index + 1]];
    if (after === undefined || item === undefined) continue;
    fromRight[index] = Math.min(fromRight[index] ?? 0, (fromRight[index + 1] ?? 0) - distance(item, after));
  }
  for (const [index, item] of layer.entries())
    item.middle = ((fromLeft[index] ?? 0) + (fromRight[index] ?? 0)) / 2;
}

function mean(items: readonly Item[], of: (item: Item) => number): number | undefined {
  return items.length === 0 ? undefined : items.reduce((sum, item) => sum + of(item), 0) / items.length;
}
