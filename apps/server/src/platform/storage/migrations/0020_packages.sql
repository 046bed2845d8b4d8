-- Packages over OpAMP: what there is to bring out, what each agent is to have, and what agents say they have.

create table packages (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  -- The key under which agents know it.
  name text not null,
  type text not null check (type in ('top_level', 'addon')),
  description text not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  unique (organization_id, name)
);

create table releases (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  package_id uuid not null references packages on delete cascade,
  version text not null,
  channel text not null check (channel in ('stable', 'canary')),
  message text not null,
  -- From then on nothing of it changes, and agents may be given it.
  published_at timestamptz,
  created_by jsonb not null,
  created_at timestamptz not null,
  unique (package_id, version),
  unique (package_id, id)
);

create table release_files (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  release_id uuid not null references releases on delete cascade,
  -- As agents name them, or 'any'.
  os text not null,
  arch text not null,
  bytes bigint not null,
  sha256 bytea not null,
  -- In the agent's own format; passed on as it was given.
  signature bytea not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  unique (release_id, os, arch)
);

-- That there is a row means that somebody said what the agent is to have. Nothing is offered to an agent without one.
create table package_sets (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  reason text not null,
  -- Another one makes a client that failed try the same set again.
  retry_id uuid,
  set_by jsonb not null,
  set_at timestamptz not null,
  -- Nothing is offered any more; the agent keeps what it has.
  withdrawn_at timestamptz,
  changed_at timestamptz not null
);
-- Gateways look for what changed since they looked.
create index package_sets_by_change on package_sets (changed_at);

-- The complete set. A release in it, and so its package, is not deleted.
create table package_set_releases (
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references package_sets on delete cascade,
  package_id uuid not null,
  release_id uuid not null,
  primary key (agent_id, package_id),
  foreign key (package_id, release_id) references releases (package_id, id)
);
create index package_set_releases_by_release on package_set_releases (package_id, release_id);

-- What each agent last said of each package it has, or was offered.
create table reported_packages (
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  name text not null,
  has_version text not null,
  offered_version text not null,
  offered_hash text not null,
  status text not null,
  error text not null,
  percent real,
  bytes_per_second real,
  reported_at timestamptz not null,
  primary key (agent_id, name)
);
create index reported_packages_by_name on reported_packages (organization_id, name, agent_id);

-- What came of offers, newest last by id; the oldest are forgotten.
create table package_attempts (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  name text not null,
  version text not null,
  -- Of the package as it was offered, hex.
  hash text not null,
  status text not null,
  error text not null,
  started_at timestamptz not null,
  status_at timestamptz not null
);
create index package_attempts_by_agent on package_attempts (agent_id, id desc);

do $$
declare name text;
begin
  foreach name in array array['packages', 'releases', 'release_files', 'package_sets', 'package_set_releases', 'reported_packages', 'package_attempts'] loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end $$;
