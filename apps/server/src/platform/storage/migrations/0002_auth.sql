-- People, their sessions and sign-in links. better-auth reads and writes these tables through the system role; the
-- tenant role has no grant on any of them. Its names are mapped in platform/auth/options.ts.

create table auth_users (
  id text primary key,
  name text not null,
  email text not null unique,
  email_verified boolean not null default false,
  image text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table auth_sessions (
  id text primary key,
  user_id text not null references auth_users on delete cascade,
  token text not null unique,
  expires_at timestamptz not null,
  ip_address text,
  user_agent text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_sessions_user on auth_sessions (user_id, created_at desc);
create index auth_sessions_expiry on auth_sessions (expires_at);

-- Sign-in by an identity provider: none yet for those who use links.
create table auth_accounts (
  id text primary key,
  user_id text not null references auth_users on delete cascade,
  account_id text not null,
  provider_id text not null,
  access_token text,
  refresh_token text,
  id_token text,
  access_token_expires_at timestamptz,
  refresh_token_expires_at timestamptz,
  scope text,
  password text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_accounts_user on auth_accounts (user_id);

-- One-time values: only a hash of a sign-in link's token is in here.
create table auth_verifications (
  id text primary key,
  identifier text not null,
  value text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index auth_verifications_identifier on auth_verifications (identifier);
create index auth_verifications_expiry on auth_verifications (expires_at);

create table auth_device_codes (
  id text primary key,
  device_code text not null unique,
  user_code text not null unique,
  user_id text references auth_users on delete cascade,
  status text not null,
  client_id text,
  scope text,
  polling_interval integer,
  last_polled_at timestamptz,
  expires_at timestamptz not null
);
create index auth_device_codes_expiry on auth_device_codes (expires_at);

alter table memberships add foreign key (user_id) references auth_users on delete cascade;

do $$
declare
  name text;
begin
  foreach name in array array['auth_users', 'auth_sessions', 'auth_accounts', 'auth_verifications', 'auth_device_codes']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('create policy system on %I to flowplane_system using (true) with check (true)', name);
    execute format('grant select, insert, update, delete on %I to flowplane_system', name);
  end loop;
end
$$;

-- The answer to a repeated request may hold a secret that is stored nowhere else in clear, so it is sealed.
-- It is written in the transaction of the change, hence never without its answer.
delete from idempotency_keys;
alter table idempotency_keys drop column status, drop column response, add column response_sealed bytea not null;
