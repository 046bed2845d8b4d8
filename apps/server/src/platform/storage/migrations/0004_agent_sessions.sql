-- What the OpAMP session of an agent must remember beyond its socket and this process.

-- Fingerprint of the last message's bytes: tells a retry from a message that happens to have the same number.
alter table agents add column message_digest bigint;
-- An instance_uid the agent asked for and was given, until it uses it.
alter table agents add column next_instance_uid uuid;
create index agents_by_next_uid on agents (organization_id, next_instance_uid) where next_instance_uid is not null;

-- The session's state as JSON (packages/opamp), without what changes with every heartbeat: that is in agents.
alter table agent_reports add column session jsonb;

-- Those whose socket or polls have to be watched for silence. Not by last_seen_at: heartbeats must stay heap-only updates.
create index agents_present on agents (id) where connection_id is not null;
