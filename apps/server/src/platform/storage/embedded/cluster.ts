import { mkdtemp, readdir, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Binaries } from "./binaries.ts";
import { ConfigError } from "../../../config.ts";
import type { PostgresLog } from "./log.ts";
import { ensureOwner, type Launcher } from "./privileges.ts";
import { run } from "./run.ts";

export const SUPERUSER = "flowplane";

/** What initdb can't be without; it takes the rest from here and not from the environment. */
const ENVIRONMENT = { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

const FORMAT = [
  `--username=${SUPERUSER}`,
  "--encoding=UTF8",
  // PostgreSQL's own Unicode, the same on every system: no index breaks when a libc or an ICU is updated.
  "--locale=C",
  "--locale-provider=builtin",
  "--builtin-locale=C.UTF-8",
  // The socket's folder decides who gets in; over TCP, should somebody open it, only a password does.
  "--auth-local=trust",
  "--auth-host=scram-sha-256",
  "--sync-method=syncfs",
  "--no-instructions",
];

interface ClusterOptions {
  readonly cluster: string;
  readonly binaries: Binaries;
  readonly launcher: Launcher;
  readonly log: PostgresLog;
}

/**
 * Makes the cluster when there is none. It is made under another name and renamed when complete, so a start that
 * was interrupted leaves nothing that looks like a cluster. Throws `ConfigError`.
 */
export async function ensureCluster(options: ClusterOptions): Promise<void> {
  const { cluster, binaries, launcher, log } = options;
  const version = await readVersion(cluster);
  if (version === undefined) {
    await removeDrafts(cluster);
    await makeCluster(options);
    log.info({ cluster }, "made the database");
    return;
  }
  if (version !== binaries.major) {
    throw new ConfigError(
      `The database in ${cluster} belongs to PostgreSQL ${version} and this Flowplane brings ${binaries.major}: start the Flowplane that made it and dump it with pg_dump, move the folder away, start this one and load the dump.`,
    );
  }
  await ensureOwner(cluster, launcher.owner);
}

async function readVersion(cluster: string): Promise<string | undefined> {
  try {
    return (await readFile(join(cluster, "PG_VERSION"), "utf8")).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new ConfigError(
      `The database folder ${cluster} can't be read: give it back to the user that runs Flowplane.`,
      { cause },
    );
  }
}

async function makeCluster({ cluster, binaries, launcher }: ClusterOptions): Promise<void> {
  const folder = dirname(cluster);
  const draft = await mkdtemp(`${cluster}.draft-`);
  await ensureOwner(draft, launcher.owner);
  const argv = [...launcher.prefix, binaries.initdb, `--pgdata=${draft}`, ...FORMAT];
  const { code, output } = await run(argv, { ...launcher.ids, env: ENVIRONMENT });
  if (code !== 0) {
    await rm(draft, { recursive: true, force: true });
    throw new ConfigError(reasonOf(output, folder), {
      cause: new Error(`initdb ended with ${code}: ${output}`),
    });
  }
  // An empty folder of that name may be there; anything else in it makes the rename fail, and that is right.
  try {
    await rename(draft, cluster);
  } catch (cause) {
    await rm(draft, { recursive: true, force: true });
    throw new ConfigError(
      `${cluster} is neither empty nor a PostgreSQL database: move it away, or set FLOWPLANE_DATA to another folder.`,
      { cause },
    );
  }
}

/** What starts that were killed have left behind. */
async function removeDrafts(cluster: string): Promise<void> {
  const folder = dirname(cluster);
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${basename(cluster)}.draft-`))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

function reasonOf(output: string, folder: string): string {
  if (/No space left on device|Disk quota exceeded/.test(output)) {
    return `The disk of ${folder} is full: make room, or set FLOWPLANE_DATA to another folder.`;
  }
  const library = /error while loading shared libraries: ([^:\s]+)/.exec(output)?.[1];
  if (library !== undefined) {
    return `The embedded PostgreSQL needs the system library ${library}: install it, or set DATABASE_URL to a PostgreSQL of your own.`;
  }
  const lastLine = output.split("\n").at(-1) ?? "";
  return `The database in ${folder} can't be made (${lastLine}): set DATABASE_URL to a PostgreSQL of your own, or FLOWPLANE_DATA to another folder.`;
}
