-- Sessions go when they end; when somebody last signed in is kept with the person.
alter table auth_users add column last_signed_in_at timestamptz;
