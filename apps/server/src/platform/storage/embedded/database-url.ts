import pg from "pg";
import { SUPERUSER } from "./cluster.ts";
import { PORT } from "./socket-folder.ts";

const DATABASE = "flowplane";

/** Connection string of a database behind the socket in this folder. */
export function urlOf(sockets: string, database = DATABASE): string {
  const query = new URLSearchParams({ host: sockets, port: String(PORT), user: SUPERUSER });
  return `postgresql:///${database}?${query.toString().replaceAll("+", "%20")}`;
}

/** Makes the database in a new cluster. */
export async function ensureDatabase(sockets: string): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(sockets, "postgres") });
  await client.connect();
  try {
    const { rowCount } = await client.query("select from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
