-- Filters of the list of agents that people gave a name: each person's own, on every browser.

create table agent_views (
  id uuid not null,
  organization_id uuid not null references organizations on delete cascade,
  user_id text not null,
  name text not null,
  search jsonb not null,
  updated_at timestamptz not null,
  -- A person chooses the ids of theirs: nobody learns by one whether somebody else has it.
  primary key (organization_id, user_id, id),
  unique (organization_id, user_id, name),
  foreign key (organization_id, user_id) references memberships on delete cascade
);

alter table agent_views enable row level security;
create policy tenant on agent_views to flowplane_app using (organization_id = (select current_organization())) with check (organization_id = (select current_organization()));
create policy system on agent_views to flowplane_system using (true) with check (true);
grant select, insert, update, delete on agent_views to flowplane_app, flowplane_system;
