import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The kernel takes 107 bytes on Linux and 103 on macOS for the path of a socket; this leaves room for both. */
const SOCKET_PATH_BYTES_MAX = 99;
export const PORT = 5432;
const TEMPORARY = "flowplane-postgres-";

/**
 * The folder of the socket, mode 0700: `run` in the data folder, or where that path is too long for a socket a new
 * folder in the system's temporary one, whose name is kept in the data folder so that the next start removes it.
 */
export async function openSocketFolder(dataDir: string): Promise<string> {
  await removeForgotten(dataDir);
  const inside = join(dataDir, "run");
  if (fits(inside)) {
    await mkdir(inside, { recursive: true, mode: 0o700 });
    await chmod(inside, 0o700);
    return inside;
  }
  const draft = join(tmpdir(), `${TEMPORARY}XXXXXX`);
  const outside = await mkdtemp(join(fits(draft) ? tmpdir() : "/tmp", TEMPORARY));
  await writeFile(noteOf(dataDir), outside, { mode: 0o600 });
  return outside;
}

/**
 * Removes the socket that a killed PostgreSQL has left, and its lock: PostgreSQL takes a pid that another process has
 * got since, or that nobody has reaped yet, for its owner. Only for when no PostgreSQL runs on the cluster.
 */
export async function clearSocketFolder(folder: string): Promise<void> {
  const socket = join(folder, `.s.PGSQL.${PORT}`);
  await Promise.all([socket, `${socket}.lock`].map((file) => rm(file, { force: true })));
}

/** Removes a folder that was made outside. */
export async function closeSocketFolder(folder: string, dataDir: string): Promise<void> {
  if (folder === join(dataDir, "run")) return;
  await rm(folder, { recursive: true, force: true });
  await rm(noteOf(dataDir), { force: true });
}

async function removeForgotten(dataDir: string): Promise<void> {
  try {
    const folder = await readFile(noteOf(dataDir), "utf8");
    if (folder.includes(`/${TEMPORARY}`)) await closeSocketFolder(folder, dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

function noteOf(dataDir: string): string {
  return join(dataDir, "postgres.sockets");
}

function fits(folder: string): boolean {
  return Buffer.byteLength(join(folder, `.s.PGSQL.${PORT}`)) <= SOCKET_PATH_BYTES_MAX;
}
