-- Which agents changed: what is looked for all the time is looked for among those, and not in the whole fleet.

-- Who came back to a rollout connected lately. Heartbeats leave the column alone, so they stay as cheap as they are.
create index agents_by_connected on agents (connected_at);

-- Agents of rollouts under way, without those that are away, of which there may be many for long.
create index rollout_agents_in_flight on rollout_agents (rollout_id)
  where state in ('offered', 'applying', 'soaking', 'reverting');

-- When something of an agent changed by which it is selected; state and health, which time alone changes, are no part of it.
-- The time is when the row was written: it becomes visible up to the length of a transaction later.
alter table agents add column changed_at timestamptz not null default now();
create index agents_by_changed on agents (changed_at);

create function note_agent_changed() returns trigger language plpgsql as $$
begin
  new.changed_at := clock_timestamp();
  return new;
end
$$;
create trigger agent_changed before update on agents for each row
  when ((old.site_id, old.name, old.kind, old.approval, old.labels, old.version, old.os, old.hostname, old.capabilities, old.revoked_at)
    is distinct from (new.site_id, new.name, new.kind, new.approval, new.labels, new.version, new.os, new.hostname, new.capabilities, new.revoked_at))
  execute function note_agent_changed();

-- What it reports of itself is selected by too. Most often its own row changed with it, and nothing more has to be written.
create function note_agent_described() returns trigger language plpgsql as $$
begin
  update agents set changed_at = clock_timestamp() where id = new.agent_id and changed_at < transaction_timestamp();
  return null;
end
$$;
create trigger agent_described_first after insert on agent_reports for each row execute function note_agent_described();
create trigger agent_described after update on agent_reports for each row
  when ((old.identifying_attributes, old.non_identifying_attributes) is distinct from (new.identifying_attributes, new.non_identifying_attributes))
  execute function note_agent_described();
