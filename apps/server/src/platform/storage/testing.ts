import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import pg from "pg";
import { inject } from "vitest";
import { openStorage, type Storage } from "./database.ts";
import type { Answer } from "./testing-server.ts";

/**
 * A database of its own, migrated and empty, for one test file. Closing it drops it.
 * Cloned from a template, which takes some tens of milliseconds; the first one of a run also waits for PostgreSQL.
 */
export async function testDatabase(): Promise<Storage> {
  const answer = await ask(inject("databaseSocket"));
  if ("error" in answer) throw new Error(`the PostgreSQL of the tests does not start: ${answer.error}`);
  const name = `test_${randomBytes(8).toString("hex")}`;
  await execute(answer.url, `create database ${name} template ${answer.template} strategy file_copy`);
  const url = new URL(answer.url);
  url.pathname = name;
  const storage = openStorage(url.href);
  return {
    ...storage,
    async close() {
      await storage.close();
      await execute(answer.url, `drop database ${name} with (force)`);
    },
  };
}

async function ask(path: string): Promise<Answer> {
  const socket = connect(path);
  try {
    const [line] = (await once(createInterface({ input: socket }), "line")) as [string];
    return JSON.parse(line) as Answer;
  } finally {
    socket.destroy();
  }
}

async function execute(connectionString: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(text);
  } finally {
    await client.end();
  }
}
