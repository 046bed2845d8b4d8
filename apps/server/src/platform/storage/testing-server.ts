// Vitest's global set-up: one PostgreSQL for a whole run. It is started by the first test file that asks
// for a database, over a socket in a temporary folder, so that a run without one pays nothing.

import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "./embedded.ts";
import { migrate } from "./migrate.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Path of the socket that answers with the URL of PostgreSQL and the name of the migrated template. */
    databaseSocket: string;
  }
}

/** What the socket answers: a line of JSON. */
export type Answer = { readonly url: string; readonly template: string } | { readonly error: string };

const TEMPLATE = "migrated";
/** Nothing here outlives the run, so nothing has to survive a crash. */
const SETTINGS = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" };

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "flowplane-vitest-"));
  let starting: Promise<EmbeddedPostgres> | undefined;
  const server = createServer((socket) => {
    starting ??= start(folder);
    // A worker that goes away has its answer, or needs none any more.
    socket.on("error", () => undefined);
    starting
      .then(
        ({ url }): Answer => ({ url, template: TEMPLATE }),
        (error: unknown): Answer => ({ error: describe(error) }),
      )
      .then((answer) => socket.end(`${JSON.stringify(answer)}\n`))
      .catch((error: unknown) => socket.destroy(error as Error));
  });
  const path = join(folder, "ask");
  await listen(server, path);
  project.provide("databaseSocket", path);
  return async () => {
    server.close();
    await starting?.then(
      (postgres) => postgres.stop(),
      () => undefined,
    );
    await rm(folder, { recursive: true, force: true });
  };
}

async function start(folder: string): Promise<EmbeddedPostgres> {
  const postgres = await startEmbeddedPostgres({ dataDir: folder, log: silent, settings: SETTINGS });
  const client = new pg.Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  const url = new URL(postgres.url);
  url.pathname = TEMPLATE;
  await migrate(url.href);
  return postgres;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describe(error.cause)}`;
}
