import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConfigError } from "../../config.ts";
import { startEmbeddedPostgres, type EmbeddedPostgres } from "./embedded.ts";

const isRoot = process.getuid?.() === 0;
const folders: string[] = [];
const servers: EmbeddedPostgres[] = [];
const processes: ChildProcess[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
  for (const process of processes.splice(0)) process.kill("SIGKILL");
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

test("data outlives a stop, and no process does", async () => {
  const dataDir = await newFolder();
  const first = await start(dataDir);
  await query(first.url, "create table kept as select 'ÄÖ' as word");
  await first.stop();
  expect(isAlive(first.pid)).toBe(false);

  const second = await start(dataDir);
  expect(await query(second.url, "select lower(word) as word from kept")).toEqual([{ word: "äö" }]);
});

test("the data folder may have spaces and quotes, or be too deep for a socket", async () => {
  const odd = await start(join(await newFolder(), `it's "here", or not`));
  expect(await query(odd.url, "select 1 as one")).toEqual([{ one: 1 }]);

  const dataDir = join(await newFolder(), "deep".repeat(25));
  const deep = await start(dataDir);
  const [setting] = await query(deep.url, "show unix_socket_directories");
  const sockets = JSON.parse(String(setting?.["unix_socket_directories"])) as string;
  expect(sockets.startsWith(dataDir)).toBe(false);
  expect((await stat(sockets)).mode & 0o777).toBe(0o700);
  await deep.stop();
  await expect(stat(sockets)).rejects.toThrow("ENOENT");
});

test("nothing but the socket leads to it, and nobody else may open that", async () => {
  const dataDir = await newFolder();
  const { url } = await start(dataDir);
  expect(await query(url, "show listen_addresses")).toEqual([{ listen_addresses: "" }]);
  expect((await stat(join(dataDir, "run"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(dataDir, "postgres"))).mode & 0o777).toBe(0o700);
});

test("a postmaster that is killed is started again under the same address", async () => {
  const server = await start(await newFolder());
  await query(server.url, "create table kept as select 1 as one");
  const killed = server.pid;
  process.kill(killed, "SIGKILL");
  await vi.waitFor(() => expect(server.pid).not.toBe(killed), { timeout: 20_000 });
  expect(await query(server.url, "select * from kept")).toEqual([{ one: 1 }]);
});

test("after kill -9 of the server the next one starts with all that was committed", async () => {
  const dataDir = await newFolder();
  const victim = await startInOtherProcess(dataDir);
  await query(victim.url, "create table kept as select 1 as one");
  victim.process.kill("SIGKILL");
  await once(victim.process, "exit");
  const next = await start(dataDir);
  expect(await query(next.url, "select * from kept")).toEqual([{ one: 1 }]);
});

test("a PostgreSQL that a killed server left running is stopped", async () => {
  const dataDir = await newFolder();
  const made = await start(dataDir);
  const argv = (await readFile(`/proc/${made.pid}/cmdline`, "utf8")).split("\0").slice(0, -1);
  await made.stop();
  const orphan = await runUnwatched(argv);
  const next = await start(dataDir);
  expect(next.pid).not.toBe(orphan.pid);
  await vi.waitFor(() => expect(orphan.exitCode).toBe(0));
  expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
});

test("a pid file whose number another process has got does not stop the start", async () => {
  const dataDir = await newFolder();
  await (await start(dataDir)).stop();
  const innocent = spawn("sleep", ["600"], { stdio: "ignore" });
  processes.push(innocent);
  await writeFile(join(dataDir, "postgres", "postmaster.pid"), `${innocent.pid}\n${dataDir}/postgres\n`);
  await writeFile(join(dataDir, "run", ".s.PGSQL.5432.lock"), `${innocent.pid}\n${dataDir}/postgres\n`);
  const next = await start(dataDir);
  expect(await query(next.url, "select 1 as one")).toEqual([{ one: 1 }]);
  expect(innocent.exitCode ?? innocent.signalCode).toBeNull();
});

test("a half-made database is made anew", async () => {
  const dataDir = await newFolder();
  const draft = join(dataDir, "postgres.draft-Xy12Z3");
  await mkdir(join(draft, "base"), { recursive: true });
  await writeFile(join(draft, "PG_VERSION"), "18\n");
  const { url } = await start(dataDir);
  expect(await query(url, "select 1 as one")).toEqual([{ one: 1 }]);
  expect((await readdir(dataDir)).toSorted()).toEqual(["postgres", "run"]);
});

test("a database of another version is left alone, with a sentence", async () => {
  const dataDir = await newFolder();
  await mkdir(join(dataDir, "postgres"));
  await writeFile(join(dataDir, "postgres", "PG_VERSION"), "12\n");
  const failure = start(dataDir);
  await expect(failure).rejects.toThrow(ConfigError);
  await expect(failure).rejects.toThrow(/belongs to PostgreSQL 12 and this Flowplane brings \d+: .*pg_dump/);
});

test("a folder of that name with something else in it is left alone, with a sentence", async () => {
  const dataDir = await newFolder();
  await mkdir(join(dataDir, "postgres"));
  await writeFile(join(dataDir, "postgres", "thesis.txt"), "mine");
  await expect(start(dataDir)).rejects.toThrow(/neither empty nor a PostgreSQL database: move it away/);
  expect(await readdir(join(dataDir, "postgres"))).toEqual(["thesis.txt"]);
});

describe.runIf(isRoot)("as root", () => {
  test.each(["namespace", "capabilities", "account"] as const)(
    "by %s, and back to the first choice",
    async (way) => {
      const dataDir = await newFolder();
      // Without the capability the account needs an open path.
      if (way === "account") await chmod(dataDir, 0o711);
      const server = await start(dataDir, [way]);
      await query(server.url, "create table kept as select 1 as one");
      const status = await readFile(`/proc/${server.pid}/status`, "utf8");
      expect(/^Uid:\t(\d+)/m.exec(status)?.[1] === "0").toBe(way === "namespace");
      await server.stop();

      const next = await start(dataDir);
      expect(await query(next.url, "select * from kept")).toEqual([{ one: 1 }]);
    },
  );
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "flowplane-embedded-"));
  folders.push(folder);
  return folder;
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function start(dataDir: string, ways?: Parameters<typeof startEmbeddedPostgres>[0]["ways"]) {
  const server = await startEmbeddedPostgres({ dataDir, log: silent, ...(ways && { ways }) });
  servers.push(server);
  return server;
}

async function startInOtherProcess(dataDir: string) {
  const module = new URL("embedded.ts", import.meta.url).href;
  const program = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(module)});
    const silent = { debug() {}, info() {}, warn() {}, error() {} };
    const { url } = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(dataDir)}, log: silent });
    console.log(url);
    setInterval(() => {}, 60_000);`;
  const process_ = spawn(process.execPath, ["--input-type=module", "--eval", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  processes.push(process_);
  const [url] = (await once(createInterface({ input: process_.stdout }), "line")) as [string];
  return { process: process_, url };
}

/** PostgreSQL as it was started, but without the order to end with its parent; resolves when it is ready. */
async function runUnwatched(argv: readonly string[]): Promise<ChildProcess> {
  const account = isRoot ? ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"] : [];
  const [program = "", ...args] = [...account, ...argv];
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], detached: true });
  processes.push(child);
  for await (const line of createInterface({ input: child.stderr }))
    if (line.includes("ready to accept connections")) break;
  return child;
}

async function query(connectionString: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    // No such process.
    return false;
  }
}
