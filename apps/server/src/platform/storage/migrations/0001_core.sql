-- Tenants, agents, runs and the audit chain.
-- Every tenant table has organization_id and row-level security. Two roles use the database:
--   flowplane_app     sees the one organization named by the transaction's app.organization_id, or nothing;
--   flowplane_system  sees all, by policies written out here; only look-ups before an organization is known,
--                     the gateway's batched writes and the reconcilers use it.
-- Neither owns a table, neither is superuser, neither may bypass row-level security.

do $$
begin
  if not exists (select from pg_roles where rolname = 'flowplane_app') then
    create role flowplane_app nologin nosuperuser nobypassrls;
  end if;
  if not exists (select from pg_roles where rolname = 'flowplane_system') then
    create role flowplane_system nologin nosuperuser nobypassrls;
  end if;
exception
  -- Two servers starting on one fresh cluster: the other one made them.
  when duplicate_object or unique_violation then null;
end
$$;

grant flowplane_app, flowplane_system to current_user;
grant usage on schema public to flowplane_app, flowplane_system;

create function current_organization() returns uuid language sql stable parallel safe
  as $$ select nullif(current_setting('app.organization_id', true), '')::uuid $$;

create table organizations (
  id uuid primary key,
  name text not null,
  created_at timestamptz not null default now()
);

create table sites (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  name text not null,
  environment text not null default 'production',
  created_at timestamptz not null default now(),
  unique (organization_id, name)
);

create table memberships (
  organization_id uuid not null references organizations on delete cascade,
  user_id text not null,
  role text not null check (role in ('owner', 'admin', 'operator', 'viewer', 'service')),
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index memberships_user on memberships (user_id);

create table api_tokens (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  name text not null,
  role text not null check (role in ('owner', 'admin', 'operator', 'viewer', 'service')),
  secret_hash bytea not null,
  created_by jsonb not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table enrolment_tokens (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid not null references sites on delete cascade,
  name text not null,
  secret_hash bytea not null unique,
  labels jsonb not null default '{}',
  approval text not null check (approval in ('automatic', 'manual')),
  uses integer not null default 0,
  uses_max integer,
  expires_at timestamptz not null,
  revoked_at timestamptz,
  created_by jsonb not null,
  created_at timestamptz not null default now()
);
create index enrolment_tokens_list on enrolment_tokens (organization_id, created_at desc, id desc);

create table enrolment_attempts (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  token_id uuid not null references enrolment_tokens on delete cascade,
  at timestamptz not null default now(),
  outcome text not null check (outcome in ('enrolled', 'connected', 'pending', 'refused')),
  detail text not null,
  agent_id uuid,
  remote_address text,
  hostname text
);
create index enrolment_attempts_list on enrolment_attempts (token_id, id desc);

-- The narrow, hot half of an agent; what it reports about itself in full is in agent_reports.
-- last_seen_at is written for thousands of agents at a time, so no index holds it and pages keep room for HOT updates.
create table agents (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid not null references sites on delete restrict,
  kind text not null check (kind in ('site', 'collector', 'gateway')),
  name text not null,
  instance_uid uuid,
  -- expected: a credential exists, nobody came yet; pending: waits for a person.
  approval text not null check (approval in ('expected', 'pending', 'approved')),
  labels jsonb not null default '{}',
  version text,
  os text,
  hostname text,
  healthy boolean,
  health_status text,
  capabilities bigint not null default 0,
  sequence_num bigint,
  transport text check (transport in ('websocket', 'http')),
  credential text check (credential in ('certificate', 'bearer', 'token')),
  remote_address text,
  -- The socket's owner, so that a late close of an old socket cannot mark a reconnected agent as gone.
  connection_id uuid,
  connected_at timestamptz,
  disconnected_at timestamptz,
  last_seen_at timestamptz,
  heartbeat_ms integer not null default 30000,
  enrolment_token_id uuid references enrolment_tokens on delete set null,
  public_key_hash bytea,
  certificate_expires_at timestamptz,
  revoked_at timestamptz,
  revoked_reason text,
  created_at timestamptz not null default now(),
  unique (organization_id, instance_uid)
) with (fillfactor = 70);
create index agents_by_name on agents (organization_id, name, id);
create index agents_by_created on agents (organization_id, created_at, id);
create index agents_by_site on agents (site_id);

create table agent_reports (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  identifying_attributes jsonb not null default '{}',
  non_identifying_attributes jsonb not null default '{}',
  health jsonb,
  effective_config jsonb,
  effective_config_at timestamptz,
  remote_config_status jsonb,
  package_statuses jsonb,
  connection_settings_status jsonb,
  custom_capabilities jsonb not null default '[]',
  available_components_hash bytea
);

create table available_components (
  organization_id uuid not null references organizations on delete cascade,
  hash bytea not null,
  components jsonb not null,
  primary key (organization_id, hash)
);

create table agent_certificates (
  serial text primary key,
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  fingerprint text not null unique,
  not_before timestamptz not null,
  not_after timestamptz not null,
  revoked_at timestamptz,
  revoked_reason text
);
create index agent_certificates_agent on agent_certificates (agent_id, not_after desc);
create index agent_certificates_revoked on agent_certificates (revoked_at) where revoked_at is not null;

create table bearers (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  created_by jsonb not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index bearers_list on bearers (organization_id, created_at desc, id desc);

-- How far each agent's event spool has been stored; written in the transaction that stores the events.
create table agent_spools (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  spool_id text not null,
  events_up_to bigint not null
);

create table runs (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid not null references sites on delete restrict,
  -- No foreign key: the history of a run outlives its agent.
  agent_id uuid not null,
  agent_name text not null,
  job_id uuid,
  kind text not null check (kind in ('process', 'check', 'assistant')),
  name text not null,
  command text not null,
  args jsonb not null,
  cwd text,
  env_names jsonb not null default '[]',
  env_sealed bytea,
  grace_ms integer not null,
  max_runtime_ms bigint,
  state text not null check (state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING', 'SUCCEEDED', 'FAILED', 'STOPPED', 'TIMED_OUT', 'FAILED_STOP', 'LOST')),
  state_since timestamptz not null,
  waiting_for text,
  deadline timestamptz,
  pid integer,
  exit_code integer,
  signal text,
  reason text,
  stop jsonb,
  restart_of uuid,
  created_by jsonb not null,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  log_bytes bigint not null default 0,
  log_lines bigint not null default 0,
  log_stored_seq bigint not null default 0,
  -- Known when the run has ended: the last line there is. The log is complete when log_stored_seq has reached it.
  log_last_seq bigint
);
create index runs_list on runs (organization_id, id desc);
create index runs_by_state on runs (organization_id, state, id desc);
create index runs_by_agent on runs (agent_id, id desc);
create index runs_active on runs (organization_id, id desc)
  where state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING');

create table run_events (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  run_id uuid not null references runs on delete cascade,
  at timestamptz not null,
  type text not null,
  actor jsonb not null,
  title text not null,
  reason text,
  payload jsonb not null default '{}'
);
create index run_events_list on run_events (run_id, id);

create table log_segments (
  run_id uuid not null references runs on delete cascade,
  segment_seq bigint not null,
  organization_id uuid not null references organizations on delete cascade,
  object_key text not null,
  first_seq bigint not null,
  last_seq bigint not null,
  bytes bigint not null,
  stored_bytes bigint not null,
  lines integer not null,
  checksum text not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (run_id, segment_seq)
);
create index log_segments_by_line on log_segments (run_id, last_seq);

-- What an agent has been asked to do. A row stays until the agent has stored it; the payload may hold secrets and is sealed.
create table intents (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  type text not null,
  run_id uuid,
  payload_sealed bytea not null,
  created_at timestamptz not null default now(),
  acknowledged_at timestamptz
);
create index intents_outstanding on intents (agent_id, id) where acknowledged_at is null;

create table audit_events (
  organization_id uuid not null references organizations,
  seq bigint not null,
  at timestamptz not null,
  actor jsonb not null,
  action text not null,
  target_type text not null,
  target_id text not null,
  reason text,
  request_id text,
  remote_address text,
  metadata jsonb not null default '{}',
  previous_hash text not null,
  hash text not null,
  primary key (organization_id, seq)
);
create index audit_events_target on audit_events (organization_id, target_id, seq desc);

create table audit_heads (
  organization_id uuid primary key references organizations,
  seq bigint not null,
  hash text not null
);

create table idempotency_keys (
  organization_id uuid not null references organizations on delete cascade,
  key text not null,
  endpoint text not null,
  request_hash bytea not null,
  status integer,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (organization_id, key)
);
create index idempotency_keys_age on idempotency_keys (created_at);

-- Small facts of the installation itself: the sealed CA key, signing keys. No tenant, so only flowplane_system sees it.
create table installation (
  key text primary key,
  value bytea not null,
  created_at timestamptz not null default now()
);

do $$
declare
  name text;
begin
  foreach name in array array['sites', 'memberships', 'api_tokens', 'enrolment_tokens', 'enrolment_attempts', 'agents',
    'agent_reports', 'available_components', 'agent_certificates', 'bearers', 'agent_spools', 'runs', 'run_events',
    'log_segments', 'intents', 'audit_events', 'audit_heads', 'idempotency_keys']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;

alter table organizations enable row level security;
create policy tenant on organizations to flowplane_app using (id = (select current_organization())) with check (false);
create policy system on organizations to flowplane_system using (true) with check (true);
grant select on organizations to flowplane_app;
grant select, insert, update on organizations to flowplane_system;

alter table installation enable row level security;
create policy system on installation to flowplane_system using (true) with check (true);
grant select, insert, update on installation to flowplane_system;

-- The audit chain can be added to and read, nothing else.
revoke update, delete on audit_events from flowplane_app, flowplane_system;
