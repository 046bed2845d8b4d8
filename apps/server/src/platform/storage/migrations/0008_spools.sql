-- An agent may have had several spools, and two machines may have the same one: each is stored for itself, and what runs and
-- orders belong to is the holder, the first of the spools that followed each other on one host (see packages/link/src/tenure.ts).

alter table agent_spools drop constraint agent_spools_pkey;
alter table agent_spools add primary key (agent_id, spool_id);
alter table agent_spools add column holder text;
update agent_spools set holder = spool_id;
alter table agent_spools alter column holder set not null;
alter table agent_spools add column token text;
alter table agent_spools add column offered text;
alter table agent_spools add column followed_by text;
alter table agent_spools add column copy_of text;
alter table agent_spools add column inherited_up_to bigint not null default 0;
-- Of the last event that is stored: by it an agent knows whether it was written on its host.
alter table agent_spools add column last_print text;
-- Which start of its host it last came from.
alter table agent_spools add column boot_id text;
alter table agent_spools add column created_at timestamptz not null default now();
-- From when on nobody waits any more for what this spool's holder has; null while it is the agent's.
alter table agent_spools add column given_up_at timestamptz;
create index agent_spools_given_up on agent_spools (given_up_at) where given_up_at is not null;

-- Who was given the order, and by that who has the run; null: nobody yet, or an agent that does not say which spool it has.
alter table intents add column holder text;
alter table intents add column boot_id text;
create index intents_start on intents (run_id) where type = 'run.start';
create index intents_under_way on intents (boot_id) where type = 'run.start' and acknowledged_at is null and boot_id is not null;
alter table runs add column holder text;
-- Of what an agent reported: what the report is known by when a copy of the agent tells it, too.
alter table run_events add column print text;
create index runs_active_by_agent on runs (agent_id) where state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING');
