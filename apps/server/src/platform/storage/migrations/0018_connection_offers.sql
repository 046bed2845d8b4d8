-- Connection settings that an operator offers an agent: another credential, perhaps another address.

-- Where the agent reached this control plane when it last came, as the agent itself named it.
alter table agents add column reached_url text;
-- Since then the agent proves itself by what it was given, and not by the enrolment token that let it in.
alter table agents add column token_retired_at timestamptz;

create table connection_offers (
  id uuid primary key,
  organization_id uuid not null references organizations on delete cascade,
  agent_id uuid not null references agents on delete cascade,
  -- What the agent shall come with; that it did is how an offer is known to be taken.
  bearer_id uuid not null references bearers on delete cascade,
  endpoint text not null,
  -- The settings as they are sent, with the credential in them, sealed; gone once the offer is over.
  sealed bytea,
  hash bytea not null,
  retire_old boolean not null,
  reason text not null,
  created_by jsonb not null,
  created_at timestamptz not null,
  deadline_at timestamptz not null,
  -- An offer whose deadline has passed is failed, whatever stands here.
  state text not null check (state in ('offered', 'applying', 'applied', 'failed', 'withdrawn')),
  state_at timestamptz not null,
  -- Why it failed, in the agent's words.
  detail text not null default ''
);
create index connection_offers_by_agent on connection_offers (agent_id, id desc);
-- Gateways look for what changed since they looked.
create index connection_offers_by_change on connection_offers (state_at);

alter table connection_offers enable row level security;
create policy tenant on connection_offers to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy system on connection_offers to flowplane_system using (true) with check (true);
grant select, insert, update, delete on connection_offers to flowplane_app, flowplane_system;
