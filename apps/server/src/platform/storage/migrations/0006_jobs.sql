-- Jobs, their schedules, secrets, and what a run takes from them.

alter table sites add column launch_policy jsonb not null default '{}';
alter table sites add column detection_fallback_until timestamptz;
alter table sites add column detection_fallback_since timestamptz;
alter table sites add column detection_fallback_reason text;
alter table organizations add column retention jsonb not null default '{}';
grant update (retention) on organizations to flowplane_app;
drop policy tenant on organizations;
create policy tenant on organizations to flowplane_app
  using (id = (select current_organization())) with check (id = (select current_organization()));

create table secrets (
  organization_id uuid not null references organizations on delete cascade,
  name text not null,
  site_id uuid references sites on delete cascade,
  value_sealed bytea not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_used_at timestamptz,
  primary key (organization_id, name)
);

create table policies (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  name text not null,
  description text not null default '',
  current_version integer not null,
  is_default boolean not null default false,
  created_by jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create unique index policies_by_name on policies (organization_id, name) where archived_at is null;
create unique index policies_default on policies (organization_id) where is_default;

create table policy_versions (
  policy_id uuid not null references policies on delete cascade,
  version integer not null,
  organization_id uuid not null references organizations on delete cascade,
  document jsonb not null,
  hash text not null,
  message text not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  primary key (policy_id, version)
);

create table policy_comparisons (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  policy_id uuid not null references policies on delete cascade,
  request jsonb not null,
  state text not null check (state in ('waiting', 'running', 'done', 'failed')),
  done integer not null default 0,
  total integer not null default 0,
  result jsonb,
  error text,
  created_by jsonb not null,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index policy_comparisons_list on policy_comparisons (policy_id, id desc);

create table jobs (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid references sites on delete restrict,
  name text not null,
  description text not null default '',
  command text not null,
  args jsonb not null,
  cwd text,
  grace_ms integer not null,
  -- Values of variables may be secrets whatever people are told, so they are sealed; the names are shown.
  env_policy jsonb not null default '{}',
  env_sealed bytea,
  resource_policy jsonb not null default '{}',
  run_as_user text,
  run_as_group text,
  isolation jsonb,
  retry jsonb,
  progress jsonb,
  schedule_policy jsonb,
  placement jsonb not null default '{}',
  concurrency_max integer not null default 1,
  policy_id uuid references policies on delete restrict,
  policy_version integer,
  detection_policy_version text,
  managed_by text,
  revision integer not null default 1,
  -- The next start by schedule, as instants; null when there is none.
  next_run_at timestamptz,
  -- What became of a start that led to no run, and when: left out because the run before had not ended, for example.
  note text,
  note_at timestamptz,
  created_by jsonb not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  archived_at timestamptz
);
create unique index jobs_by_name on jobs (organization_id, name) where archived_at is null;
create index jobs_due on jobs (next_run_at) where next_run_at is not null and archived_at is null;

-- A run that waits for an agent that fits has none yet.
alter table runs alter column agent_id drop not null;
alter table runs alter column agent_name drop not null;
alter table runs add column origin text not null default 'api'
  check (origin in ('api', 'schedule', 'job', 'restart', 'retry', 'intervention', 'local'));
alter table runs add column attempt integer not null default 1;
alter table runs add column retry_of uuid;
alter table runs add column lineage uuid;
-- W3C trace context of the request that asked for it, until it has an agent and for what is told of it later.
alter table runs add column traceparent text;
alter table runs add column scheduled_for timestamptz;
-- When its agent starts the next attempt by itself, unless somebody stops it first.
alter table runs add column retry_at timestamptz;
alter table runs add column resource_policy jsonb not null default '{}';
alter table runs add column isolation jsonb;
alter table runs add column run_as_user text;
alter table runs add column run_as_group text;
alter table runs add column retry jsonb;
alter table runs add column progress jsonb;
-- What it was asked for with: placement, env_policy's names; enough to launch it when an agent fits, and to restart it.
alter table runs add column placement jsonb;
alter table runs add column inherit_env jsonb not null default '[]';
alter table runs add column secret_env jsonb not null default '{}';
alter table runs add column policy_id uuid;
alter table runs add column policy_name text;
alter table runs add column policy_version integer;
alter table runs add column policy_mode text check (policy_mode in ('shadow', 'canary', 'enforce'));
alter table runs add column policy_document jsonb;
alter table runs add column enforced jsonb not null default '[]';
alter table runs add column frozen_since timestamptz;
-- The last thing a policy did to it: {incident_id, action, at, what}.
alter table runs add column intervention jsonb;
alter table runs add column incidents_open integer not null default 0;
alter table runs add column incidents_total integer not null default 0;
alter table runs add column usage jsonb;
alter table runs add column log_redactions bigint not null default 0;
alter table runs add column log_expired_at timestamptz;
alter table runs add column evidence_last integer;
alter table runs add column evidence_expired_at timestamptz;
-- Its log's segments were packed into fewer objects.
alter table runs add column log_packed_at timestamptz;
create index runs_log_hot on runs (organization_id, ended_at) where log_packed_at is null and log_expired_at is null;
create index runs_log_due on runs (organization_id, ended_at) where log_expired_at is null;
create index runs_evidence_due on runs (organization_id, ended_at) where evidence_expired_at is null;
create index runs_due on runs (organization_id, ended_at) where log_expired_at is not null and evidence_expired_at is not null;
-- Where in its object's uncompressed bytes a segment is, when the object holds several; null when it holds this one alone.
alter table log_segments add column pack_offset integer;
alter table log_segments add column pack_length integer;
create index runs_retrying on runs (job_id) where retry_at is not null and job_id is not null;
create index runs_by_retry on runs (retry_of) where retry_of is not null;
create index runs_by_restart on runs (restart_of) where restart_of is not null;
create index runs_by_job on runs (job_id, id desc) where job_id is not null;
create index runs_unplaced on runs (organization_id, id) where agent_id is null and state = 'QUEUED';
-- How much is under way on each agent and of each job; all that limits are counted from, so it does not grow with history.
create index runs_load on runs (organization_id, agent_id, job_id)
  where state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING');
create index runs_load_by_job on runs (job_id)
  where job_id is not null and state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING');
create index runs_by_policy on runs (policy_id, created_at) where policy_id is not null;
create unique index runs_scheduled on runs (job_id, scheduled_for) where scheduled_for is not null;

create table incidents (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid not null references sites on delete restrict,
  run_id uuid not null references runs on delete cascade,
  job_id uuid,
  agent_id uuid not null,
  agent_name text not null,
  run_name text not null,
  category text not null,
  severity text not null check (severity in ('info', 'warning', 'critical')),
  state text not null check (state in ('open', 'acknowledged', 'closed')),
  score integer not null,
  title text not null,
  line bigint not null,
  evidence jsonb not null,
  policy_id uuid,
  policy_name text,
  policy_version integer,
  policy_mode text,
  interventions jsonb not null default '[]',
  -- When the newest one that touched the run was made.
  intervened_at timestamptz,
  feedback jsonb,
  acknowledged_by jsonb,
  opened_at timestamptz not null,
  closed_at timestamptz,
  closed_because text
);
create index incidents_list on incidents (organization_id, id desc);
create index incidents_open on incidents (organization_id, id desc) where state <> 'closed';
create index incidents_by_run on incidents (run_id, id);
create index incidents_by_policy on incidents (policy_id, opened_at) where policy_id is not null;
create index incidents_intervened on incidents (site_id, intervened_at) where intervened_at is not null;
create index incidents_by_job on incidents (job_id, id desc) where job_id is not null;

-- Decisions can be repeated from these: what was measured and decided, in chunks that hold each other's hashes.
create table evidence_chunks (
  run_id uuid not null references runs on delete cascade,
  chunk integer not null,
  organization_id uuid not null references organizations on delete cascade,
  object_key text not null,
  bytes bigint not null,
  stored_bytes bigint not null,
  checksum text not null,
  created_at timestamptz not null default now(),
  primary key (run_id, chunk)
);

-- Objects that no row names any more, until they are deleted: written with the row's end, so that neither is left over.
create table object_garbage (
  object_key text primary key,
  organization_id uuid not null references organizations on delete cascade,
  created_at timestamptz not null
);
create index object_garbage_age on object_garbage (created_at);

create table run_samples (
  run_id uuid not null references runs on delete cascade,
  at timestamptz not null,
  organization_id uuid not null references organizations on delete cascade,
  cpu_ms bigint,
  memory_bytes bigint,
  memory_limit_bytes bigint,
  read_bytes bigint,
  write_bytes bigint,
  processes integer,
  log_bytes bigint not null,
  primary key (run_id, at)
);
create index run_samples_age on run_samples using brin (at);

do $$
declare
  name text;
begin
  foreach name in array array['secrets', 'policies', 'policy_versions', 'policy_comparisons', 'jobs', 'incidents',
    'evidence_chunks', 'run_samples', 'object_garbage']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;
