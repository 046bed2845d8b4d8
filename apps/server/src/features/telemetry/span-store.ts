import { sql } from "kysely";
import { SPANS_SHOWN_MAX } from "@flowplane/contract";
import { SPAN_KINDS, SPAN_STATUSES, type OwnSpan } from "@flowplane/telemetry";
import type { Db } from "../../platform/storage/database.ts";
import { SPANS_PER_AGENT_MAX } from "./limits.ts";

export interface SpanRow extends OwnSpan {
  readonly organizationId: string;
  readonly agentId: string;
}

const ERROR = sql.lit(SPAN_STATUSES.indexOf("error"));

/** A span that is sent again is the one that is there. */
export async function insertSpans(system: Db, rows: readonly SpanRow[]): Promise<void> {
  await sql`
    insert into own_spans (organization_id, agent_id, at, trace_id, span_id, parent_span_id, name, kind, status, status_message,
      service, duration_us, attributes)
    select r.organization_id, r.agent_id, to_timestamp(r.at / 1000000.0), decode(r.trace_id, 'hex'), decode(r.span_id, 'hex'),
      decode(r.parent_span_id, 'hex'), r.name, r.kind, r.status, r.status_message, r.service, r.duration_us, r.attributes::jsonb
    from unnest(
      ${rows.map(({ organizationId }) => organizationId)}::uuid[],
      ${rows.map(({ agentId }) => agentId)}::uuid[],
      ${rows.map(({ startUs }) => startUs)}::float8[],
      ${rows.map(({ traceId }) => traceId)}::text[],
      ${rows.map(({ spanId }) => spanId)}::text[],
      ${rows.map(({ parentSpanId }) => parentSpanId)}::text[],
      ${rows.map(({ name }) => name)}::text[],
      ${rows.map(({ kind }) => SPAN_KINDS.indexOf(kind))}::integer[],
      ${rows.map(({ status }) => SPAN_STATUSES.indexOf(status))}::integer[],
      ${rows.map(({ statusMessage }) => statusMessage)}::text[],
      ${rows.map(({ service }) => service)}::text[],
      ${rows.map(({ durationUs }) => durationUs)}::bigint[],
      ${rows.map(({ attributes }) => attributes)}::text[]
    ) as r(organization_id, agent_id, at, trace_id, span_id, parent_span_id, name, kind, status, status_message, service,
      duration_us, attributes)
    on conflict do nothing`.execute(system);
}

export interface TraceRow {
  readonly trace_id: string;
  /** Microseconds since the epoch. */
  readonly at_us: number;
  readonly duration_us: number;
  readonly spans: number;
  readonly errors: number;
  readonly name: string;
  readonly service: string;
}

/** Traces among an agent's newest spans, newest first; those behind a beginning and an id. */
export async function listTraceRows(
  db: Db,
  agentId: string,
  page: { after: readonly [number, string] | undefined; onlyErrors: boolean; limit: number },
): Promise<TraceRow[]> {
  const { after } = page;
  const ofFirst = (column: string) =>
    sql`(array_agg(n.${sql.ref(column)} order by n.parent_span_id is not null, n.at, n.span_id))[1]`;
  const { rows } = await sql<TraceRow>`
    select encode(trace_id, 'hex') as trace_id, (extract(epoch from began) * 1000000)::float8 as at_us,
      (extract(epoch from ended - began) * 1000000)::float8 as duration_us, spans, errors, name, service
    from (
      select n.trace_id, min(n.at) as began, max(n.at + n.duration_us * interval '1 microsecond') as ended, count(*)::int as spans,
        (count(*) filter (where n.status = ${ERROR}))::int as errors, ${ofFirst("name")} as name, ${ofFirst("service")} as service
      from (select * from own_spans where agent_id = ${agentId} order by at desc limit ${SPANS_PER_AGENT_MAX}) n
      group by n.trace_id
    ) traces
    where ${page.onlyErrors ? sql`errors > 0` : sql`true`}
      and ${after === undefined ? sql`true` : sql`(began, trace_id) < (to_timestamp(${after[0]}::float8 / 1000000.0), decode(${after[1]}, 'hex'))`}
    order by began desc, traces.trace_id desc limit ${page.limit}`.execute(db);
  return rows;
}

export interface TraceSpanRow {
  readonly span_id: string;
  readonly parent_span_id: string | null;
  readonly name: string;
  readonly kind: number;
  readonly status: number;
  readonly status_message: string;
  readonly service: string;
  /** Microseconds: since the epoch, and how long. */
  readonly at_us: number;
  readonly duration_us: number;
  readonly attributes: Record<string, unknown>;
  /** Of the whole trace. */
  readonly ended_us: number;
  readonly spans: number;
}

/** The first spans of one trace in the order of their beginning. */
export async function findTraceSpans(db: Db, agentId: string, traceId: string): Promise<TraceSpanRow[]> {
  const { rows } = await sql<TraceSpanRow>`
    select encode(span_id, 'hex') as span_id, encode(parent_span_id, 'hex') as parent_span_id, name, kind, status, status_message,
      service, (extract(epoch from at) * 1000000)::float8 as at_us, duration_us::float8 as duration_us, attributes,
      max(extract(epoch from at) * 1000000 + duration_us) over ()::float8 as ended_us, count(*) over ()::int as spans
    from own_spans where agent_id = ${agentId} and trace_id = decode(${traceId}, 'hex')
    order by at, own_spans.span_id limit ${SPANS_SHOWN_MAX}`.execute(db);
  return rows;
}

/** Deletes what an agent has beyond its newest `SPANS_PER_AGENT_MAX` spans. */
export async function trimSpans(system: Db): Promise<void> {
  await sql`
    delete from own_spans s using (
      select agent_id, at from (
        select agent_id, at, row_number() over (partition by agent_id order by at desc, trace_id, span_id) as place from own_spans
      ) ranked where place = ${SPANS_PER_AGENT_MAX + 1}
    ) first_over
    where s.agent_id = first_over.agent_id and s.at <= first_over.at`.execute(system);
}
