import { randomBytes } from "node:crypto";
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ConfigError } from "../config.ts";
import { MASTER_KEY_BYTES } from "./secrets/secrets.ts";

/** Less than this and PostgreSQL would fail half-way; better to say so before it starts. */
export const FREE_BYTES_MIN = 64 * 1024 * 1024;

const FOLDER_ID = /^[0-9a-f]{12}$/;

export interface DataFolder extends Disposable {
  readonly path: string;
}

/**
 * Makes sure the data folder is there, ours alone (0700), writable and not full, and that no other server uses it.
 * Throws `ConfigError` with what to do. Disposing lets the next server in; so does any way of dying, because the
 * lock is the operating system's lock on an open SQLite file.
 */
export function openDataFolder(path: string): DataFolder {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    chmodSync(path, 0o700);
    const probe = join(path, `.probe-${process.pid}`);
    writeFileSync(probe, "flowplane");
    rmSync(probe);
  } catch (cause) {
    throw new ConfigError(
      `Cannot write to the data folder ${path} (${codeOf(cause)}). Free or repair it, or set FLOWPLANE_DATA to another folder.`,
      { cause },
    );
  }
  const { bavail, bsize } = statfsSync(path);
  if (bavail * bsize < FREE_BYTES_MIN) {
    throw new ConfigError(
      `The disk of the data folder ${path} is full: less than ${FREE_BYTES_MIN / 1_048_576} MB are free. Make room, or set FLOWPLANE_DATA to another folder.`,
    );
  }
  const lock = lockFolder(path);
  return { path, [Symbol.dispose]: () => lock.close() };
}

function lockFolder(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, "server.lock"));
  try {
    lock.exec("pragma locking_mode = exclusive; begin exclusive; commit");
    return lock;
  } catch (cause) {
    lock.close();
    throw new ConfigError(
      `Another Flowplane server uses the data folder ${path}. Stop it, or set FLOWPLANE_DATA to another folder.`,
      { cause },
    );
  }
}

/** The installation's master key: the configured one, else the one in the folder, made at first start and kept 0600. */
export function readMasterKey(folder: DataFolder, configured: string | undefined): Buffer {
  if (configured !== undefined) return decodeKey("FLOWPLANE_MASTER_KEY", configured);
  const path = join(folder.path, "master.key");
  try {
    return decodeKey(path, readFileSync(path, "utf8"));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const key = randomBytes(MASTER_KEY_BYTES);
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${key.toString("base64")}\n`, { mode: 0o600, flush: true });
  // A link never replaces a key that is already there: everything sealed with it would be lost.
  linkSync(temporary, path);
  rmSync(temporary);
  return key;
}

/**
 * Which data folder this is, among others on the same host: 12 hex digits, made once and kept in `folder.id`.
 * What a data folder has in the database is named by it; neither host names nor paths are a folder's own.
 */
export function readFolderId(path: string): string {
  const file = join(path, "folder.id");
  try {
    const id = readFileSync(file, "utf8").trim();
    if (FOLDER_ID.test(id)) return id;
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
  const id = randomBytes(6).toString("hex");
  mkdirSync(path, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, `${id}\n`, { flush: true });
  renameSync(`${file}.new`, file);
  return id;
}

function decodeKey(source: string, value: string): Buffer {
  const key = Buffer.from(value.trim(), "base64");
  if (key.length !== MASTER_KEY_BYTES) {
    throw new ConfigError(
      `${source} does not hold a master key of ${MASTER_KEY_BYTES} bytes in base64. Restore it from your backup; without it, what was sealed cannot be read.`,
    );
  }
  return key;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown error";
}
