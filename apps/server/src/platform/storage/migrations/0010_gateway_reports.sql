-- What agents report that speak the gateway API and no OpAMP: a name of their own choosing, and their counts.

create table gateway_reports (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  instance_id text not null,
  ip_address text,
  metadata jsonb not null default '{}',
  -- {logs_processed, errors, latency_ms}, and when they were last told.
  metrics jsonb,
  metrics_at timestamptz,
  config_version integer,
  unique (organization_id, instance_id)
) with (fillfactor = 70);

alter table gateway_reports enable row level security;
create policy tenant on gateway_reports to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy system on gateway_reports to flowplane_system using (true) with check (true);
grant select, insert, update, delete on gateway_reports to flowplane_app, flowplane_system;
