-- What people write of configurations before they save it as a version: one draft for each person and configuration.

create table configuration_drafts (
  configuration_id uuid not null references configurations on delete cascade,
  user_id text not null,
  organization_id uuid not null references organizations on delete cascade,
  -- As it was when they wrote: whom others are told of.
  user_name text not null,
  body text not null,
  overlays jsonb not null,
  based_on integer not null,
  revision integer not null,
  updated_at timestamptz not null,
  primary key (configuration_id, user_id),
  -- Nobody comes back to the draft of somebody who is no member any more.
  foreign key (organization_id, user_id) references memberships on delete cascade
);
create index configuration_drafts_by_person on configuration_drafts (organization_id, user_id);

alter table configuration_drafts enable row level security;
create policy tenant on configuration_drafts to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy system on configuration_drafts to flowplane_system using (true) with check (true);
grant select, insert, update, delete on configuration_drafts to flowplane_app, flowplane_system;
