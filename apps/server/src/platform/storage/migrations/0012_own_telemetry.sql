-- What agents tell of themselves by OTLP: reports of metrics, their roll-ups, and logs.
--
-- A row is a report, not a point: what an agent measured at one moment, its series and their values side by side. One of
-- 60 series takes some 900 bytes and one index entry so; a row for each point would take six times that and sixty entries.
-- Days are partitions, and what is over is dropped with its day. No foreign keys on them: they would be checked row by
-- row, and an agent's past is gone with its days anyhow.

-- Which of the signals an organization offers its agents to send here: {metrics, logs, traces, sites_off: [id]}.
create table own_telemetry_settings (
  organization_id uuid primary key references organizations on delete cascade,
  settings jsonb not null,
  -- Gateways look for what changed since they looked.
  changed_at timestamptz not null
);

-- Part of the credential in the offer: moving it on makes the old one worthless.
alter table agents add column telemetry_epoch integer not null default 1;

-- Name and attributes of series, shared by the agents of an organization: most have the same ones.
create sequence own_series_ids as integer;
create table own_series (
  id integer primary key default nextval('own_series_ids'),
  organization_id uuid not null references organizations on delete cascade,
  key_hash bytea not null,
  name text not null,
  attributes jsonb not null,
  kind text not null check (kind in ('gauge', 'counter', 'delta')),
  unit text not null,
  -- What it says of a Collector's component; null for everything else.
  component_kind text check (component_kind in ('receiver', 'processor', 'exporter', 'scraper')),
  component text,
  signal text check (signal in ('traces', 'metrics', 'logs')),
  measure text check (measure in ('accepted', 'refused', 'sent', 'failed', 'queue_size', 'queue_capacity')),
  -- Who had it first: how many series an agent may bring is limited.
  first_agent_id uuid not null,
  -- The last day it was reported on, roughly: what nobody reports any more is forgotten.
  seen_at timestamptz not null,
  unique (organization_id, key_hash)
) with (fillfactor = 80);
create index own_series_by_first_agent on own_series (first_agent_id);
create index own_series_by_name on own_series (organization_id, name);
grant usage on sequence own_series_ids to flowplane_app, flowplane_system;

create table own_reports (
  organization_id uuid not null,
  agent_id uuid not null,
  at timestamptz not null,
  -- Since when the counted totals count: a later one than before means that they began again.
  started_at timestamptz,
  -- By signal and measure, in the order of packages/telemetry/src/measures.ts.
  totals float8[] not null default '{}',
  series integer[] not null default '{}',
  amounts float8[] not null default '{}',
  primary key (agent_id, at)
) partition by range (at);

-- Roll-ups: how much of each total came in a minute, and for how many seconds of it that is known. Queues: their mean.
create table own_minutes (
  organization_id uuid not null,
  agent_id uuid not null,
  at timestamptz not null,
  seconds real not null default 0,
  amounts real[] not null default '{}',
  primary key (agent_id, at)
) partition by range (at);
create index own_minutes_by_time on own_minutes using brin (at) with (pages_per_range = 32);

create table own_ten_minutes (
  organization_id uuid not null,
  agent_id uuid not null,
  at timestamptz not null,
  seconds real not null default 0,
  amounts real[] not null default '{}',
  primary key (agent_id, at)
) partition by range (at);
create index own_ten_minutes_by_time on own_ten_minutes using brin (at) with (pages_per_range = 32);

-- All agents of an organization together, items a second.
create table own_fleet_minutes (
  organization_id uuid not null references organizations on delete cascade,
  at timestamptz not null,
  agents integer not null,
  rates float8[] not null default '{}',
  primary key (organization_id, at)
);

create table own_logs (
  organization_id uuid not null,
  agent_id uuid not null,
  at timestamptz not null,
  -- Of severity, text and attributes: a record that is sent again is the one that is there.
  digest bigint not null,
  severity integer not null,
  body text not null,
  attributes jsonb not null,
  primary key (agent_id, at, digest)
) partition by range (at);

-- How far the roll-ups are; one row.
create table own_rollup (
  one boolean primary key default true check (one),
  minutes_until timestamptz not null
);
grant select, insert, update on own_rollup to flowplane_system;

-- How much a counter moved between two reports. When it began again, everything it has. When it merely shrank (a
-- component is gone, the others still count), nothing. When nobody says since when it counts, shrinking means beginning.
create function own_delta(before float8, after float8, began_again boolean) returns float8
  language sql immutable parallel safe as $$
  select case
    when after is null then null
    when before is null or began_again then after
    when after >= before then after - before
    when began_again is null then after
    else 0
  end
$$;

-- Makes the days that are missing. The two roles own no table, so they ask for it; a partition gives neither any right,
-- and what is read and written goes through the table above it with its row-level security.
create function own_telemetry_days(first date, last date) returns void
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
  parent text;
  day date;
begin
  if last - first > 40 then
    raise exception 'more than 40 days at once';
  end if;
  foreach parent in array array['own_reports', 'own_minutes', 'own_ten_minutes', 'own_logs']
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

-- Drops the days of one table before a day; gives their number.
create function own_telemetry_drop(parent text, before date) returns integer
  language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '3s' as $$
declare
  child text;
  dropped integer := 0;
begin
  if parent not in ('own_reports', 'own_minutes', 'own_ten_minutes', 'own_logs') then
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
revoke execute on function own_telemetry_days(date, date), own_telemetry_drop(text, date) from public;
grant execute on function own_telemetry_days(date, date), own_telemetry_drop(text, date) to flowplane_system;

do $$
declare
  name text;
begin
  foreach name in array array['own_telemetry_settings', 'own_series', 'own_reports', 'own_minutes', 'own_ten_minutes', 'own_fleet_minutes', 'own_logs']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;
