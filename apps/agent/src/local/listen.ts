// The agent's socket: HTTP for whoever owns the agent, on this machine. Only its owner may connect: the socket is made
// with mode 0600, and on Linux connecting takes the right to write to it. What a request means is in ./serve.ts, which is
// loaded with the first one, since an agent nobody talks to has no use for it.

import { chmodSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../data/folder.ts";
import type { LocalContext } from "./context.ts";
import { chooseSocketPath, elsewhereFile } from "./place.ts";

/** Connections at once; further ones are closed. */
export const CONNECTIONS_MAX = 64;
const HEADERS_MS_MAX = 5_000;
const REQUEST_MS_MAX = 30_000;
const HEADER_BYTES_MAX = 16 * 1024;
const PROBE_MS_MAX = 1_000;

export interface LocalServer {
  /** Where it listens. */
  readonly path: string;
  /** Ends every connection and removes the socket. */
  close(): Promise<void>;
}

/** Listens on the agent's socket. Rejects when another process listens there, or it cannot be made for the owner alone. */
export async function listenLocally(context: LocalContext): Promise<LocalServer> {
  const { dataDir, log } = context;
  const { path, isElsewhere } = chooseSocketPath(dataDir, shortFolder());
  rmSync(elsewhereFile(dataDir), { force: true });
  if (isElsewhere) prepareShortFolder(dirname(path));
  await clearLeftover(path);

  const stop = new AbortController();
  const server = createServer(
    { maxHeaderSize: HEADER_BYTES_MAX, headersTimeout: HEADERS_MS_MAX, requestTimeout: REQUEST_MS_MAX },
    (request, response) => void answer(context, request, response, stop.signal),
  );
  server.maxConnections = CONNECTIONS_MAX;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    // The mode must be right from the first moment on, and binding happens within this call.
    const before = process.umask(0o177);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
    process.umask(before);
  });
  server.on("error", (error) => log.warn({ err: error }, "the agent's socket failed"));
  if (isElsewhere) writeFileAtomically(elsewhereFile(dataDir), `${path}\n`);
  return {
    path,
    async close() {
      stop.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      rmSync(elsewhereFile(dataDir), { force: true });
    },
  };
}

async function answer(
  context: LocalContext,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { serve } = await import("./serve.ts");
    await serve(context, request, response, signal);
  } catch (error) {
    // `serve` answers whatever goes wrong; what still comes here broke while answering.
    if (!response.destroyed) context.log.warn({ err: error }, "a local request broke off");
    response.destroy();
  }
}

/** Where a socket goes whose own folder has too long a path. */
function shortFolder(): string {
  const runtime = process.env["XDG_RUNTIME_DIR"];
  const base = runtime !== undefined && runtime.startsWith("/") && runtime.length <= 60 ? runtime : tmpdir();
  return join(base, `flowplane-${process.getuid?.() ?? 0}`);
}

function prepareShortFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = lstatSync(folder);
  if (uid !== process.getuid?.()) throw new Error(`${folder} belongs to somebody else`);
  if ((mode & 0o077) !== 0) chmodSync(folder, 0o700);
}

/** Removes the socket of an agent that died. Rejects when somebody answers there, or it is no socket. */
async function clearLeftover(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is in the way: it is no socket`);
  if (await isAnswered(path)) throw new Error(`another process listens on ${path}`);
  rmSync(path, { force: true });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(PROBE_MS_MAX, () => done(true));
    socket.once("connect", () => done(true));
    socket.once("error", () => done(false));
  });
}
