-- Configurations of Collectors: a name, and versions that never change.

create table configurations (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  name text not null,
  description text not null default '',
  current_version integer not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create unique index configurations_by_name on configurations (organization_id, name) where archived_at is null;

create table configuration_versions (
  configuration_id uuid not null references configurations on delete cascade,
  version integer not null,
  organization_id uuid not null references organizations on delete cascade,
  body text not null,
  hash text not null,
  bytes integer not null,
  warnings integer not null,
  message text not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  primary key (configuration_id, version)
);

do $$
declare
  name text;
begin
  foreach name in array array['configurations', 'configuration_versions']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;

-- What a version says is what it said when it was saved.
revoke update on configuration_versions from flowplane_app, flowplane_system;
