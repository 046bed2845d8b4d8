import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { CliError } from "./failure.ts";

/** One sign-in: a session from the device flow, or an API key somebody pasted. */
export interface Credential {
  readonly secret: string;
  readonly kind: "session" | "api_key";
  /** Who it signed in, for people. */
  readonly name: string;
  readonly saved_at: string;
}

/** The credentials file: one sign-in per control plane, and which was used last. */
export interface Credentials {
  readonly current: string | null;
  readonly servers: Readonly<Record<string, Credential>>;
}

const EMPTY: Credentials = { current: null, servers: {} };

/** Reads the file; none there is an empty one. Throws `CliError` when it is there and is not ours. */
export async function readCredentials(file: string): Promise<Credentials> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
  return text === null ? EMPTY : parseCredentials(text, file);
}

export function withCredential(all: Credentials, origin: string, credential: Credential): Credentials {
  return { current: origin, servers: { ...all.servers, [origin]: credential } };
}

export function withoutCredential(all: Credentials, origin: string): Credentials {
  const servers = Object.fromEntries(Object.entries(all.servers).filter(([each]) => each !== origin));
  return { current: all.current === origin ? null : all.current, servers };
}

/** Writes beside and renames, so that a crash leaves the old file or the new one. Mode 0600, its folder 0700. */
export async function writeCredentials(file: string, credentials: Credentials): Promise<void> {
  if (Object.keys(credentials.servers).length === 0) return await rm(file, { force: true });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  await rename(temporary, file);
}

function parseCredentials(text: string, file: string): Credentials {
  const parsed = parseJson(text);
  if (!isRecord(parsed) || !isRecord(parsed["servers"])) throw broken(file);
  const { current, servers } = parsed;
  const checked: Record<string, Credential> = {};
  for (const [origin, value] of Object.entries(servers)) {
    if (!isRecord(value) || typeof value["secret"] !== "string") throw broken(file);
    checked[origin] = {
      secret: value["secret"],
      kind: value["kind"] === "session" ? "session" : "api_key",
      name: typeof value["name"] === "string" ? value["name"] : "",
      saved_at: typeof value["saved_at"] === "string" ? value["saved_at"] : "",
    };
  }
  return { current: typeof current === "string" ? current : null, servers: checked };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function broken(file: string): CliError {
  return new CliError(`The credentials file ${file} cannot be read.`, {
    advice: "Delete it and sign in again with `flowplane login`.",
  });
}
