/** Schema steps in order; `user_version` counts those done. A step that was released is never edited. */
export const MIGRATIONS: readonly string[] = [
  `
  -- One row: what the outbox machine needs to go on.
  CREATE TABLE outbox (
    spool_id    TEXT NOT NULL,
    last_seq    INTEGER NOT NULL,
    acked_up_to INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    type    TEXT NOT NULL,
    run_id  TEXT,
    at      INTEGER NOT NULL,
    payload TEXT NOT NULL
  ) STRICT;

  -- done_at is null while it is still to be carried out. Rows outlive that: they are how a second delivery is known.
  CREATE TABLE intents (
    id          TEXT PRIMARY KEY,
    type        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    created_at  TEXT NOT NULL,
    received_at INTEGER NOT NULL,
    done_at     INTEGER
  ) STRICT;
  CREATE INDEX intents_todo ON intents (received_at) WHERE done_at IS NULL;

  CREATE TABLE runs (
    id            TEXT PRIMARY KEY,
    spec          TEXT NOT NULL,
    state         TEXT NOT NULL,   -- the run machine's, as JSON
    mark          TEXT NOT NULL,
    boot_id       TEXT NOT NULL,
    process       TEXT,            -- wrapper and job identities as JSON, once known
    signals_sent  TEXT NOT NULL DEFAULT '[]',
    frozen        INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    ended_at      INTEGER,
    -- The log: how far the files are read, and how far they are shipped and freed.
    stdout_to     INTEGER NOT NULL DEFAULT 0,
    stderr_to     INTEGER NOT NULL DEFAULT 0,
    stdout_freed  INTEGER NOT NULL DEFAULT 0,
    stderr_freed  INTEGER NOT NULL DEFAULT 0,
    last_seq      INTEGER NOT NULL DEFAULT 0,
    last_batch    INTEGER NOT NULL DEFAULT 0,
    last_segment  INTEGER NOT NULL DEFAULT 0,
    closed_batch  INTEGER NOT NULL DEFAULT 0,
    files_gone    INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX runs_live ON runs (id) WHERE ended_at IS NULL;
  CREATE INDEX runs_files ON runs (ended_at) WHERE files_gone = 0;

  CREATE TABLE batches (
    run_id      TEXT NOT NULL,
    batch       INTEGER NOT NULL,
    at_ms       INTEGER NOT NULL,
    stdout_from INTEGER NOT NULL,
    stdout_to   INTEGER NOT NULL,
    stderr_from INTEGER NOT NULL,
    stderr_to   INTEGER NOT NULL,
    first_seq   INTEGER NOT NULL,
    lines       INTEGER NOT NULL,
    PRIMARY KEY (run_id, batch)
  ) STRICT, WITHOUT ROWID;

  -- Closed and not yet stored at the other end.
  CREATE TABLE segments (
    id          INTEGER PRIMARY KEY,
    run_id      TEXT NOT NULL,
    segment_seq INTEGER NOT NULL,
    first_batch INTEGER NOT NULL,
    last_batch  INTEGER NOT NULL,
    UNIQUE (run_id, segment_seq)
  ) STRICT;
  `,
  `
  -- Supervision: attempts that follow each other, pauses with more than one reason, limits, use of the machine.
  ALTER TABLE runs ADD COLUMN lineage TEXT NOT NULL DEFAULT '';      -- id of the first attempt
  UPDATE runs SET lineage = id;
  CREATE INDEX runs_lineage ON runs (lineage);
  ALTER TABLE runs ADD COLUMN retries_used INTEGER NOT NULL DEFAULT 0; -- since the last attempt that ran long enough
  ALTER TABLE runs ADD COLUMN is_for_good INTEGER NOT NULL DEFAULT 0;  -- its end ends the lineage
  ALTER TABLE runs ADD COLUMN restart TEXT;                            -- what to start after its end, as JSON
  ALTER TABLE runs ADD COLUMN began_at INTEGER;                        -- by the steady clock
  ALTER TABLE runs ADD COLUMN containment TEXT;                        -- what the kernel holds it in, as JSON
  ALTER TABLE runs ADD COLUMN usage TEXT NOT NULL DEFAULT '{}';
  ALTER TABLE runs ADD COLUMN holds TEXT NOT NULL DEFAULT '[]';        -- who keeps it paused, and why
  UPDATE runs SET holds = '[{"holder":"quota","reason":"its spool quota is reached","actor":"agent"}]' WHERE frozen = 1;
  ALTER TABLE runs DROP COLUMN frozen;

  -- Attempts to come. They outlive the agent, and a reboot of the host.
  CREATE TABLE next_starts (
    run_id       TEXT PRIMARY KEY,
    lineage      TEXT NOT NULL,
    previous     TEXT NOT NULL,
    origin       TEXT NOT NULL,
    spec         TEXT NOT NULL,
    retries_used INTEGER NOT NULL,
    actor        TEXT NOT NULL,
    reason       TEXT NOT NULL,
    delay_ms     INTEGER NOT NULL,
    due_at       INTEGER NOT NULL  -- by the steady clock
  ) STRICT;
  CREATE INDEX next_starts_lineage ON next_starts (lineage);

  -- Where the steady clock of this boot began.
  CREATE TABLE boot_clock (boot_id TEXT NOT NULL, offset_ms INTEGER NOT NULL) STRICT;

  -- Orders to stop runs whose orders to start have not arrived yet.
  CREATE TABLE early_stops (run_id TEXT PRIMARY KEY, stop TEXT NOT NULL, received_at INTEGER NOT NULL) STRICT;
  `,
  `
  -- What happened to a run is read on this host, too, and stays after the control plane has it.
  CREATE INDEX events_run ON events (run_id, seq);

  -- Requests on the agent's socket that created a run, so that a repeated one creates no second.
  CREATE TABLE requests (
    key        TEXT PRIMARY KEY,
    hash       TEXT NOT NULL,
    run_id     TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- Segments are files of their own, made once; batches are only what is in none yet. No version with the former
  -- tables was ever released, so what they speak of is read again from where it was.
  ALTER TABLE runs ADD COLUMN redaction TEXT NOT NULL DEFAULT '';
  UPDATE runs SET stdout_to = stdout_freed, stderr_to = stderr_freed, last_batch = closed_batch;
  DELETE FROM batches;
  ALTER TABLE batches ADD COLUMN flushed INTEGER NOT NULL DEFAULT 0;
  DROP TABLE segments;
  CREATE TABLE segments (
    id              INTEGER PRIMARY KEY,
    run_id          TEXT NOT NULL,
    segment_seq     INTEGER NOT NULL,
    first_seq       INTEGER NOT NULL,
    last_seq        INTEGER NOT NULL,
    bytes           INTEGER NOT NULL,
    encoding_sha256 TEXT NOT NULL,
    stored_bytes    INTEGER NOT NULL,
    sha256          TEXT NOT NULL,
    UNIQUE (run_id, segment_seq)
  ) STRICT;
  CREATE INDEX segments_bytes ON segments (run_id, stored_bytes);
  `,
  `
  -- Detection: what a run's watch goes on from, its evidence, what it found, and how much was done of late.
  CREATE TABLE watches (
    run_id         TEXT PRIMARY KEY,
    lineage        TEXT NOT NULL,
    header         TEXT NOT NULL,
    snapshot       BLOB,
    snapshot_entry INTEGER NOT NULL DEFAULT 0,  -- the last entry that the snapshot stands for
    begun          INTEGER NOT NULL DEFAULT 0,
    last_chunk     INTEGER NOT NULL DEFAULT 0,
    last_hash      TEXT,
    past_exit      TEXT,                        -- how it ended, for the attempts that follow
    ended          INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE INDEX watches_lineage ON watches (lineage);

  -- Entries of the chunk that is still open.
  CREATE TABLE evidence_entries (
    run_id TEXT NOT NULL,
    entry  INTEGER NOT NULL,
    text   TEXT NOT NULL,
    PRIMARY KEY (run_id, entry)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE evidence_chunks (
    id     INTEGER PRIMARY KEY,
    run_id TEXT NOT NULL,
    chunk  INTEGER NOT NULL,
    body   BLOB NOT NULL,                       -- JSON Lines, zstd
    UNIQUE (run_id, chunk)
  ) STRICT;

  CREATE TABLE incidents (
    id       TEXT PRIMARY KEY,
    run_id   TEXT NOT NULL,
    lineage  TEXT NOT NULL,
    number   INTEGER NOT NULL,                  -- the run's incidents count from 1
    source   TEXT NOT NULL,
    sentence TEXT NOT NULL,
    verdict  TEXT NOT NULL,                     -- the last one, as JSON
    todo     INTEGER NOT NULL DEFAULT 0,        -- what the verdict says is still to be done
    closed   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (run_id, number)
  ) STRICT;
  CREATE INDEX incidents_todo ON incidents (id) WHERE todo = 1;
  CREATE INDEX incidents_lineage ON incidents (lineage);

  CREATE TABLE guard (state TEXT NOT NULL) STRICT;
  `,
  `
  -- Two hosts with one spool, after a machine was cloned: what this one proves itself by, and what it is known by.
  ALTER TABLE outbox ADD COLUMN from_spool TEXT;                          -- the spool this one was made from
  ALTER TABLE outbox ADD COLUMN is_copy INTEGER NOT NULL DEFAULT 0;       -- on another host
  ALTER TABLE outbox ADD COLUMN inherited_up_to INTEGER NOT NULL DEFAULT 0; -- events that were that host's
  CREATE TABLE tokens (number INTEGER PRIMARY KEY AUTOINCREMENT, token TEXT NOT NULL) STRICT;
  CREATE TABLE host (description TEXT NOT NULL) STRICT;
  `,
  `
  -- What expires of runs under way, on a host without a control plane: when it was made, and what is gone already.
  ALTER TABLE segments ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;          -- time of its last line; 0 not known
  ALTER TABLE evidence_chunks ADD COLUMN closed_at INTEGER NOT NULL DEFAULT 0; -- 0 not known
  ALTER TABLE runs ADD COLUMN expired_seq INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN expired_segment INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN expired_until INTEGER;
  ALTER TABLE runs ADD COLUMN expired_chunk INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE runs ADD COLUMN expired_chunk_until INTEGER;
  `,
  `
  -- Incidents of a run under way that its timeline no longer tells of.
  ALTER TABLE runs ADD COLUMN expired_incidents INTEGER NOT NULL DEFAULT 0;
  `,
];
