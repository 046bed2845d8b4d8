import { clsx } from "clsx";
import { useMemo } from "react";
import type { ConfigurationCheck } from "@flowplane/contract";
import type { Tone } from "../api/states.ts";
import { StateShape } from "../ui/StateMark.tsx";
import { layoutGraph, type Point } from "./layout.ts";

type Graph = NonNullable<ConfigurationCheck["graph"]>;
type Node = Graph["nodes"][number];

const SIZES = { node: { width: 136, height: 40 }, gap: { x: 14, y: 30 } } as const;

interface PipelineGraphProps {
  readonly graph: Graph;
  /** What is the matter with a component; undefined when nothing is. */
  readonly markOf: (node: Node) => { tone: Tone; words: string } | undefined;
  readonly onNode: (node: Node) => void;
}

/** How data flows through a configuration, from top to bottom. Every component is a button that leads to its line. */
export default function PipelineGraph({ graph, markOf, onNode }: PipelineGraphProps) {
  const layout = useMemo(() => layoutGraph(graph.nodes, graph.edges, SIZES), [graph]);
  const placed = new Map(layout.nodes.map((node) => [node.key, node]));
  return (
    <div className="relative mx-auto" style={{ width: layout.width, height: layout.height }}>
      <svg
        aria-hidden="true"
        width={layout.width}
        height={layout.height}
        className="absolute inset-0 text-n6"
      >
        {layout.edges.map(({ from, to, points }) => (
          <path
            key={`${from} ${to}`}
            d={curve(points)}
            fill="none"
            stroke="currentColor"
            strokeWidth="1.25"
          />
        ))}
      </svg>
      <ul aria-label="Components">
        {graph.nodes.map((node) => {
          const at = placed.get(node.key);
          const mark = markOf(node);
          return at === undefined ? null : (
            <li key={node.key}>
              <button
                type="button"
                onClick={() => onNode(node)}
                title={`${node.kind} ${node.id}${node.pipeline === null ? "" : ` in ${node.pipeline}`}${mark === undefined ? "" : `\n${mark.words}`}`}
                className={clsx(
                  "absolute flex flex-col justify-center rounded-md border bg-n0 px-2 text-left leading-4 hover:bg-n2",
                  mark === undefined ? "border-n5" : mark.tone === "bad" ? "border-bad" : "border-attention",
                )}
                style={{ left: at.x, top: at.y, ...SIZES.node }}
              >
                <span className="flex w-full items-center gap-1.5">
                  {mark === undefined ? null : <StateShape tone={mark.tone} />}
                  <span className="truncate font-mono text-xs">{node.id}</span>
                </span>
                <span className="w-full truncate text-xs text-n8">
                  {node.kind}
                  {node.pipeline === null ? "" : ` · ${node.pipeline}`}
                </span>
              </button>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

/** Curves between layers, straight lines past them. */
function curve(points: readonly Point[]): string {
  return points
    .map(({ x, y }, index) => {
      const before = points[index - 1];
      if (before === undefined) return `M${x} ${y}`;
      if (before.x === x) return `V${y}`;
      const bend = (y - before.y) / 2;
      return `C${before.x} ${before.y + bend} ${x} ${y - bend} ${x} ${y}`;
    })
    .join("");
}
