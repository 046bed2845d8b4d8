-- What the words of the fleet's query bar are looked for in: folded once when written, and compared byte by byte,
-- which is several times faster over a whole fleet than comparing three columns without regard to case.
alter table agents add column search text collate "C"
  generated always as (lower(name || ' ' || coalesce(hostname, '') || ' ' || labels::text)) stored;
