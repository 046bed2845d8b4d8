-- How well agents are over time: their level now, and every change of it.

-- Up to which silence an agent with this configuration is healthy, and up to which one to look after: {healthy_ms, warning_ms}.
alter table configurations add column health_thresholds jsonb;

-- When health was last reported, and when connection settings were last offered: a supervisor forgets the health of its
-- Collector with every such offer, so that between the two nothing is known.
alter table agents add column health_at timestamptz;
alter table agents add column settings_offered_at timestamptz;

create table agent_health (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  level text not null check (level in ('healthy', 'warning', 'unhealthy', 'offline', 'unknown')),
  reason text not null,
  since timestamptz not null
) with (fillfactor = 70);

-- What ended: one row for each level an agent was at, from and to.
create table agent_health_changes (
  agent_id uuid not null references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  from_at timestamptz not null,
  to_at timestamptz not null,
  level text not null check (level in ('healthy', 'warning', 'unhealthy', 'offline', 'unknown')),
  reason text not null,
  primary key (agent_id, from_at)
);
create index agent_health_changes_by_end on agent_health_changes (organization_id, to_at);

do $$
declare
  name text;
begin
  foreach name in array array['agent_health', 'agent_health_changes']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;
