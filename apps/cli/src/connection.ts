import { readFile } from "node:fs/promises";
import { lightFetch } from "@flowplane/agent/local";
import type { Client, ClientOptions } from "@flowplane/contract";
import { createClient } from "@flowplane/contract/light";
import { readCredentials, type Credentials } from "./credentials.ts";
import { CliError } from "./failure.ts";
import { EXIT } from "./exit-codes.ts";
import { findLocalAgent, requireLocalAgent } from "./local-agent.ts";
import { addressFile, adminKeyFile, credentialsFile } from "./places.ts";

type Env = Readonly<Record<string, string | undefined>>;

export const ORIGIN_DEFAULT = "http://127.0.0.1:4300";
/** In URLs whose calls go to the agent's socket. */
export const LOCAL_ORIGIN = "http://agent";
const PROBE_TIMEOUT_MS = 3_000;

/** Where a call goes, as whom, and where both were found. */
export interface Target {
  readonly origin: string;
  readonly originFrom: string;
  readonly secret: string | null;
  readonly secretFrom: string | null;
}

export interface Connection {
  readonly target: Target;
  readonly client: Client;
  /** For streams and downloads. */
  readonly options: ClientOptions;
  /** This machine's agent answers, by itself. */
  readonly isLocal: boolean;
}

/** What a caller says about where a call goes. */
export interface Chosen {
  readonly url?: string | undefined;
  readonly local?: true | undefined;
}

/**
 * Opens nothing yet: finds address and key, and makes a client. Where no control plane is known it is this machine's agent
 * that is asked, as with `local`. Throws `CliError` when there is nobody to ask.
 */
export async function connect(env: Env, { url, local }: Chosen = {}): Promise<Connection> {
  if (local === true && url !== undefined)
    throw new CliError("--local asks this machine's agent, --url a control plane.", {
      exitCode: EXIT.usage,
      advice: "Give one of them.",
    });
  if (local === true) return connectLocally(requireLocalAgent(env));
  const target = await findTarget(env, url);
  const { secret } = target;
  if (secret === null) {
    const socket = isExplicit(target) ? null : findLocalAgent(env);
    if (socket !== null) return connectLocally(socket);
    throw await missingKey(target);
  }
  const organization = env["FLOWPLANE_ORGANIZATION"];
  const options: ClientOptions = {
    origin: target.origin,
    // Loading Node's own `fetch` takes as long as a call; it is needed for https alone.
    ...(target.origin.startsWith("http:") ? { fetch: lightFetch() } : {}),
    headers: () => ({
      authorization: `Bearer ${secret}`,
      ...(organization ? { "flowplane-organization": organization } : {}),
    }),
  };
  return { target, client: createClient(options), options, isLocal: false };
}

function connectLocally(socket: string): Connection {
  const options: ClientOptions = { origin: LOCAL_ORIGIN, fetch: callAgent(socket) };
  const target: Target = { origin: LOCAL_ORIGIN, originFrom: socket, secret: null, secretFrom: null };
  return { target, client: createClient(options), options, isLocal: true };
}

/** A socket whose agent was killed is still there, and refuses. */
function callAgent(socket: string): typeof globalThis.fetch {
  const call = lightFetch(socket);
  return async (input, init) => {
    try {
      return await call(input, init);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ECONNREFUSED" && code !== "ENOENT" && code !== "EACCES") throw error;
      throw new CliError(
        code === "EACCES"
          ? `The agent at ${socket} is another user's.`
          : `The agent of ${socket} does not run.`,
        {
          exitCode: EXIT.unreachable,
          advice:
            code === "EACCES"
              ? "Ask it as the user it runs as."
              : "Start it again with `flowplane agent run`; its runs went on meanwhile.",
          cause: error,
        },
      );
    }
  };
}

/** Somebody said which control plane: then no other place will do. */
function isExplicit({ originFrom }: Target): boolean {
  return originFrom !== "the default";
}

/** Nobody is signed in: to a control plane that is there, or because there is none yet. */
async function missingKey({ origin }: Target): Promise<CliError> {
  const isThere = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) }).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    return new CliError(`There is no control plane at ${origin}.`, {
      exitCode: EXIT.unreachable,
      advice:
        "Start one with `npm start` (or `flowplane up`), say where it is (`flowplane login URL`), or do without: `flowplane agent run`.",
    });
  }
  return new CliError(`You are not signed in to ${origin}.`, {
    exitCode: EXIT.notAllowed,
    advice: `Run \`flowplane login ${origin}\`, or set FLOWPLANE_API_KEY, or FLOWPLANE_DATA on the machine of the control plane.`,
  });
}

/**
 * The address and the key, the most explicit first. Address: `--url`, `FLOWPLANE_URL`, the control plane of an explicit
 * `FLOWPLANE_DATA`, the last login, the local control plane. Key: `FLOWPLANE_API_KEY`, the admin key of an
 * explicit `FLOWPLANE_DATA`, the login there, the admin key of the default data folder. An admin key is only ever
 * sent to this machine.
 */
export async function findTarget(env: Env, url: string | undefined): Promise<Target> {
  const credentials = await readCredentials(credentialsFile(env));
  const { origin, from: originFrom } = await findOrigin(env, url, credentials);
  const { secret, from: secretFrom } = await findSecret(env, origin, credentials);
  return { origin, originFrom, secret, secretFrom };
}

async function findOrigin(env: Env, url: string | undefined, credentials: Credentials) {
  if (url !== undefined) return { origin: parseOrigin(url, "--url"), from: "--url" };
  if (env["FLOWPLANE_URL"])
    return { origin: parseOrigin(env["FLOWPLANE_URL"], "FLOWPLANE_URL"), from: "FLOWPLANE_URL" };
  const noted = await readIfThere(addressFile(env));
  const local =
    noted === null ? null : { origin: parseOrigin(noted, addressFile(env)), from: addressFile(env) };
  if (env["FLOWPLANE_DATA"] && local !== null) return local;
  if (credentials.current !== null)
    return { origin: credentials.current, from: "the last `flowplane login`" };
  return local ?? { origin: ORIGIN_DEFAULT, from: "the default" };
}

async function findSecret(env: Env, origin: string, credentials: Credentials) {
  if (env["FLOWPLANE_API_KEY"]) return { secret: env["FLOWPLANE_API_KEY"], from: "FLOWPLANE_API_KEY" };
  const adminKey = isLoopback(origin) ? await readIfThere(adminKeyFile(env)) : null;
  const admin = adminKey === null ? null : { secret: adminKey, from: adminKeyFile(env) };
  if (env["FLOWPLANE_DATA"] && admin !== null) return admin;
  const login = credentials.servers[origin];
  if (login !== undefined) return { secret: login.secret, from: `the login as ${login.name}` };
  return admin ?? { secret: null, from: null };
}

/** `https://host:port`, from what people type. Throws `CliError` (usage) for anything that is no http(s) address. */
export function parseOrigin(text: string, from: string): string {
  const trimmed = text.trim();
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  const url = URL.parse(withScheme);
  if (
    url === null ||
    !["http:", "https:"].includes(url.protocol) ||
    url.username !== "" ||
    url.hostname === ""
  ) {
    throw new CliError(`${from}: "${trimmed}" is not the address of a control plane.`, {
      exitCode: EXIT.usage,
      advice: `It looks like ${ORIGIN_DEFAULT} or https://flowplane.example.`,
    });
  }
  return url.origin;
}

export function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

async function readIfThere(file: string): Promise<string | null> {
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return null;
    throw error;
  });
  return text === null || text.trim() === "" ? null : text.trim();
}
