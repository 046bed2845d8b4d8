-- What agents are to run, what came of it, and how it is brought to them.

-- Overlays of a version: [{name, selector, body}], merged over the body in this order for the agents they match.
alter table configuration_versions add column overlays jsonb not null default '[]';

-- What each agent is to run now: a version, or, where that is null, nothing of ours. Its content is composed when it is
-- delivered; `offer_hash` names the content.
create table agent_assignments (
  agent_id uuid primary key references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  configuration_id uuid,
  version integer,
  rollout_id uuid,
  offer_hash text not null,
  -- Whether it had pipelines of its own before it was first given anything; null when it had not said what it ran.
  ran_by_itself boolean,
  -- Why it is not sent although it should be; null when nothing is in the way.
  held_reason text,
  -- Somebody asked to try a failed content once more.
  retry_id uuid,
  assigned_at timestamptz not null,
  -- Moves with every change: gateways look for what is newer than what they have seen.
  changed_at timestamptz not null,
  foreign key (configuration_id, version) references configuration_versions (configuration_id, version)
);
create index agent_assignments_by_version on agent_assignments (configuration_id, version);
create index agent_assignments_by_change on agent_assignments (changed_at);
create index agent_assignments_by_configuration on agent_assignments (organization_id, configuration_id);

-- Every try to bring a content to an agent, by the content's hash: an agent that goes back by itself is understood from it.
create table configuration_attempts (
  agent_id uuid not null references agents on delete cascade,
  offer_hash text not null,
  organization_id uuid not null references organizations on delete cascade,
  configuration_id uuid,
  version integer,
  rollout_id uuid,
  offered_at timestamptz,
  status text not null check (status in ('waiting', 'offered', 'applying', 'applied', 'failed', 'rolled_itself_back')),
  status_at timestamptz not null,
  error_message text not null default '',
  -- The content to which the agent went back by itself.
  rolled_back_to text,
  tries integer not null default 1,
  primary key (agent_id, offer_hash)
);
create index configuration_attempts_by_agent on configuration_attempts (agent_id, status_at desc);

create table rollouts (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  kind text not null check (kind in ('configuration')),
  configuration_id uuid not null,
  version integer not null,
  split jsonb,
  selector text not null,
  plan jsonb not null,
  message text not null,
  state text not null check (state in ('queued', 'running', 'paused', 'rolling_back', 'completed', 'rolled_back', 'aborted')),
  state_since timestamptz not null,
  reason text,
  wave integer,
  -- Waves that a person let begin, and up to which failures were accepted when it was resumed.
  approved_wave integer not null default 0,
  accepted_failures integer not null default 0,
  created_by jsonb not null,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  foreign key (configuration_id, version) references configuration_versions (configuration_id, version)
);
create index rollouts_by_created on rollouts (organization_id, created_at desc, id);
create index rollouts_active on rollouts (organization_id) where ended_at is null;
create index rollouts_by_configuration on rollouts (configuration_id);

create table rollout_waves (
  rollout_id uuid not null references rollouts on delete cascade,
  index integer not null,
  organization_id uuid not null references organizations on delete cascade,
  state text not null check (state in ('waiting', 'running', 'passed', 'failed')),
  agents integer not null,
  -- Agents by state, kept with every change of theirs, so that a step does not count the fleet.
  counts jsonb not null,
  started_at timestamptz,
  ended_at timestamptz,
  primary key (rollout_id, index)
);

create table rollout_agents (
  rollout_id uuid not null references rollouts on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  organization_id uuid not null references organizations on delete cascade,
  wave integer not null,
  -- The order within the wave, from a hash: the same for the same rollout, whoever asks.
  position integer not null,
  variant text not null check (variant in ('version', 'baseline')),
  state text not null check (state in ('waiting', 'offered', 'applying', 'soaking', 'passed', 'failed', 'unreachable', 'skipped', 'reverting', 'reverted')),
  state_since timestamptz not null,
  reason_code text,
  reason text,
  from_configuration_id uuid,
  from_version integer,
  offer_hash text,
  attempts integer not null default 0,
  -- When it was given the version, and when it was given back what it had.
  assigned_at timestamptz,
  given_back_at timestamptz,
  -- Since when it says that it is not healthy while it soaks, and how often it became so.
  unwell_since timestamptz,
  unwell_times integer not null default 0,
  -- What it was like before: {healthy, rates: {accepted_per_second, error_percent}}.
  baseline jsonb,
  primary key (rollout_id, agent_id)
) with (fillfactor = 80);
create index rollout_agents_by_order on rollout_agents (rollout_id, wave, position);
create index rollout_agents_waiting on rollout_agents (rollout_id, wave, position) where state = 'waiting';
create index rollout_agents_open on rollout_agents (rollout_id)
  where state in ('offered', 'applying', 'soaking', 'unreachable', 'reverting');
create index rollout_agents_to_revert on rollout_agents (rollout_id)
  where assigned_at is not null and given_back_at is null;
create index rollout_agents_by_agent on rollout_agents (agent_id);

-- Values for `${var:NAME}`; the one of a site wins over the one of the organization.
create table variables (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  site_id uuid references sites on delete cascade,
  name text not null,
  value text not null,
  created_by jsonb not null,
  updated_at timestamptz not null,
  unique nulls not distinct (organization_id, name, site_id)
);

do $$
declare
  name text;
begin
  foreach name in array array['agent_assignments', 'configuration_attempts', 'rollouts', 'rollout_waves', 'rollout_agents', 'variables']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy tenant on %I to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()))', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_app, flowplane_system', name);
  end loop;
end
$$;
