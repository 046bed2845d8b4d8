-- Gateways say that they are there: an agent's silence counts only while somebody could hear it.
create table gateway_beats (
  -- A process of its own at each start.
  id uuid primary key,
  beat_at timestamptz not null,
  -- Until then agents may be on their way back from trouble that was not theirs.
  returning_until timestamptz
);
alter table gateway_beats enable row level security;
create policy system on gateway_beats to flowplane_system using (true) with check (true);
grant select, insert, update, delete on gateway_beats to flowplane_system;
