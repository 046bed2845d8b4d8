-- Spans of agents' own work, by days as their logs.
create table own_spans (
  organization_id uuid not null,
  agent_id uuid not null,
  -- When it began.
  at timestamptz not null,
  trace_id bytea not null,
  span_id bytea not null,
  parent_span_id bytea,
  name text not null,
  -- OTLP's numbers: of the kind 0 to 5, of the status 0 unset, 1 ok, 2 error.
  kind integer not null,
  status integer not null,
  status_message text not null,
  service text not null,
  duration_us bigint not null,
  attributes jsonb not null,
  primary key (agent_id, at, trace_id, span_id)
) partition by range (at);
create index own_spans_by_trace on own_spans (agent_id, trace_id);

alter table own_spans enable row level security;
create policy tenant on own_spans to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy system on own_spans to flowplane_system using (true) with check (true);
grant select, insert, update, delete on own_spans to flowplane_app, flowplane_system;

create or replace function own_telemetry_days(first date, last date) returns void
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
  parent text;
  day date;
begin
  if last - first > 40 then
    raise exception 'more than 40 days at once';
  end if;
  foreach parent in array array['own_reports', 'own_minutes', 'own_ten_minutes', 'own_logs', 'own_spans']
  loop
    for day in select generate_series(first, last, '1 day')::date
    loop
      if to_regclass(parent || to_char(day, '_YYYYMMDD')) is null then
        begin
          execute format('create table %I partition of %I for values from (%L) to (%L)',
            parent || to_char(day, '_YYYYMMDD'), parent, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
        exception
          -- Another process was quicker.
          when duplicate_table or unique_violation then null;
        end;
      end if;
    end loop;
  end loop;
end
$$;

create or replace function own_telemetry_drop(parent text, before date) returns integer
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
  child text;
  dropped integer := 0;
begin
  if parent not in ('own_reports', 'own_minutes', 'own_ten_minutes', 'own_logs', 'own_spans') then
    raise exception 'not a table of days: %', parent;
  end if;
  for child in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = to_regclass(parent) and c.relname < parent || to_char(before, '_YYYYMMDD')
  loop
    execute format('drop table %I', child);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;
