-- Logs and evidence of runs that never end expire from their beginning. What is gone: up to which line, segment and chunk, and the
-- time of the last of it.
alter table runs add column log_expired_seq bigint not null default 0;
alter table runs add column log_expired_segment bigint not null default 0;
alter table runs add column log_expired_until timestamptz;
alter table runs add column evidence_expired_chunk integer not null default 0;
alter table runs add column evidence_expired_until timestamptz;
