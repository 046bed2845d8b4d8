import type { OwnTrace } from "@flowplane/contract";
import { placeSpans, spanTime, type PlacedSpan } from "@flowplane/contract/light";
import { openApi, type Api, type ApiOptions, type Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";
import { findAgent } from "./find.ts";
import { formatWhen } from "./format.ts";
import { listUpTo } from "./listing.ts";
import { printable } from "./text-width.ts";

export interface TracesOptions extends ApiOptions {
  errors?: boolean;
  limit?: number;
}

const TRACES_SHOWN = 20;
/** Traces among which one is looked for by the beginning of its id. */
const LOOKED_THROUGH = 1_000;
const BAR_WIDTH = 24;
const DEPTH_SHOWN = 20;

/** `flowplane agents traces`: traces of an agent's own work, newest first, or the spans of one of them. */
export async function showTraces(
  context: Context,
  wanted: string,
  trace: string | undefined,
  options: TracesOptions,
): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const { id } = await findAgent(client, wanted);
  if (trace !== undefined) return showTrace(api, id, trace, options);
  const max = options.limit ?? TRACES_SHOWN;
  const { items, more } = await listTraces(api, id, max, options.errors === true);
  if (options.json === true) return output.json(items);
  if (items.length === 0)
    return output.print(options.errors === true ? "No traces with errors." : "No traces.");
  output.table<OwnTrace>(
    [
      { title: "TRACE", value: (each) => each.trace_id },
      { title: "BEGAN", value: (each) => formatWhen(each.at, context.now()) },
      { title: "TOOK", align: "right", value: (each) => spanTime(each.duration_us) },
      { title: "SPANS", align: "right", value: (each) => String(each.spans) },
      {
        title: "ERRORS",
        align: "right",
        value: (each) => String(each.errors),
        paint: (cell, each) => (each.errors === 0 ? cell : output.style("red", cell)),
      },
      { title: "SERVICE", value: (each) => printable(each.service), shrinkTo: 8 },
      { title: "NAME", value: (each) => printable(each.name), shrinkTo: 12 },
    ],
    items,
  );
  if (more) output.note(`There are more than these ${max}; raise --limit.`);
}

function listTraces({ client }: Api, agentId: string, max: number, onlyErrors: boolean) {
  const params = { agent_id: agentId };
  return listUpTo(
    (query) => client.agentOwnTraces({ params, query: onlyErrors ? { ...query, errors: "true" } : query }),
    max,
  );
}

async function showTrace(api: Api, agentId: string, wanted: string, options: TracesOptions): Promise<void> {
  const { client, output } = api;
  const traceId = await wholeId(api, agentId, wanted.toLowerCase());
  const read = await client.agentOwnTraceRead({ params: { agent_id: agentId, trace_id: traceId } });
  if (options.json === true) return output.json(read);
  output.print(output.style("bold", `${read.trace_id}: ${spanTime(read.duration_us)} from ${read.at}`));
  output.table<PlacedSpan>(
    [
      {
        title: "SPAN",
        value: ({ span, depth }) => `${"  ".repeat(Math.min(depth, DEPTH_SHOWN))}${printable(span.name)}`,
        shrinkTo: 20,
      },
      { title: "KIND", value: ({ span }) => span.kind },
      { title: "BEGINS", align: "right", value: ({ span }) => `+${spanTime(span.start_us)}` },
      { title: "TOOK", align: "right", value: ({ span }) => spanTime(span.duration_us) },
      { title: "", value: ({ span }) => barOf(span.start_us, span.duration_us, read.duration_us) },
      {
        title: "STATUS",
        value: ({ span }) =>
          printable(
            span.status === "unset" ? "-" : [span.status, span.status_message].filter(Boolean).join(": "),
          ),
        paint: (cell, { span }) => (span.status === "error" ? output.style("red", cell) : cell),
        shrinkTo: 8,
      },
    ],
    placeSpans(read.spans),
  );
  if (read.left_out > 0) output.note(`${read.left_out} later spans are left out.`);
}

async function wholeId(api: Api, agentId: string, wanted: string): Promise<string> {
  if (/^[0-9a-f]{32}$/.test(wanted)) return wanted;
  const { items } = await listTraces(api, agentId, LOOKED_THROUGH, false);
  const [first, ...others] = items.filter(({ trace_id: id }) => id.startsWith(wanted));
  if (first === undefined)
    throw new CliError(`There is no trace "${wanted}" of this agent.`, {
      exitCode: EXIT.notFound,
      advice: "`flowplane agents traces AGENT` lists them.",
    });
  if (others.length > 0)
    throw new CliError(`"${wanted}" begins ${others.length + 1} traces.`, {
      exitCode: EXIT.conflict,
      advice: "Give more of the id.",
    });
  return first.trace_id;
}

/** When in its trace a span is, drawn. */
function barOf(startUs: number, durationUs: number, wholeUs: number): string {
  const at = (us: number) => (wholeUs === 0 ? 0 : Math.round((us / wholeUs) * BAR_WIDTH));
  const begins = Math.min(at(startUs), BAR_WIDTH - 1);
  const length = Math.max(1, Math.min(at(startUs + durationUs), BAR_WIDTH) - begins);
  return `${".".repeat(begins)}${"=".repeat(length)}${".".repeat(BAR_WIDTH - begins - length)}`;
}
