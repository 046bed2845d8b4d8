import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Storage } from "./database.ts";
import { testDatabase } from "./testing.ts";

/** Tables of no tenant, and who may use them. Everything else must have an organization. */
const SYSTEM_TABLES = [
  "auth_accounts",
  "auth_device_codes",
  "auth_sessions",
  "auth_users",
  "auth_verifications",
  "gateway_beats",
  "installation",
  "own_rollup",
  "schema_migrations",
];
/** Tables whose rows nobody may change once they are written. */
const UNCHANGING = ["audit_events", "configuration_versions"];
const MINE = "018f0000-0000-7000-8000-00000000000a";
const THEIRS = "018f0000-0000-7000-8000-00000000000b";

interface Column {
  readonly name: string;
  readonly type: string;
}

let storage: Storage;
let admin: pg.Client;
let tenantTables: string[];
let columns: Map<string, Column[]>;

beforeAll(async () => {
  storage = await testDatabase();
  admin = new pg.Client({ connectionString: storage.connectionString });
  await admin.connect();
  // Days to put rows into; the partitions themselves are judged by a test of their own.
  await admin.query("select own_telemetry_days(current_date - 1, current_date + 1)");
  const tables = await admin.query<{ name: string }>(
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition order by 1",
  );
  tenantTables = tables.rows
    .map((row) => row.name)
    .filter((name) => !SYSTEM_TABLES.includes(name) && name !== "organizations");
  columns = new Map();
  for (const table of tenantTables) columns.set(table, await neededColumns(table));
  await fill();
});
afterAll(async () => {
  await admin.end();
  await storage.close();
});

test("there are tenant tables to judge", () => expect(tenantTables.length).toBeGreaterThan(15));

test("neither role owns a table, is superuser, or may pass by row-level security", async () => {
  const { rows } = await admin.query(
    "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin from pg_roles where rolname like 'flowplane\\_%' order by 1",
  );
  const powerless = {
    rolsuper: false,
    rolbypassrls: false,
    rolcreaterole: false,
    rolcreatedb: false,
    rolcanlogin: false,
  };
  expect(rows).toEqual([
    { rolname: "flowplane_app", ...powerless },
    { rolname: "flowplane_system", ...powerless },
  ]);
  const owned = await admin.query(
    "select relname from pg_class join pg_roles on pg_roles.oid = relowner where rolname like 'flowplane\\_%'",
  );
  expect(owned.rows).toEqual([]);
});

test("every tenant table has an organization, row-level security and both policies, and no other", async () => {
  const { rows } = await admin.query<{ name: string; secured: boolean; policies: string[] }>(
    `select c.relname as name, c.relrowsecurity as secured,
       array(select p.policyname || ' to ' || array_to_string(p.roles, ',') || ' using ' || p.qual || ' check ' || coalesce(p.with_check, '')
             from pg_policies p where p.tablename = c.relname order by 1) as policies
     from pg_class c where c.relname = any($1) order by 1`,
    [tenantTables],
  );
  const organization = "(organization_id = ( SELECT current_organization() AS current_organization))";
  for (const row of rows) {
    expect(row, row.name).toEqual({
      name: row.name,
      secured: true,
      policies: [
        "system to flowplane_system using true check true",
        `tenant to flowplane_app using ${organization} check ${organization}`,
      ],
    });
  }
  expect(rows).toHaveLength(tenantTables.length);
});

test("the tenant role has no right on what belongs to no tenant", async () => {
  const { rows } = await admin.query<{ table: string; privilege: string }>(
    "select table_name as table, privilege_type as privilege from information_schema.role_table_grants where grantee in ('flowplane_app', 'PUBLIC') and table_schema = 'public' and table_name = any($1)",
    [SYSTEM_TABLES],
  );
  expect(rows).toEqual([]);
});

test("nobody may read or write a partition but through its table", async () => {
  const { rows } = await admin.query<{ name: string; grants: number }>(
    `select c.relname as name, (select count(*)::int from information_schema.role_table_grants g
        where g.table_name = c.relname and (g.grantee like 'flowplane\\_%' or g.grantee = 'PUBLIC')) as grants
     from pg_class c where c.relispartition and c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`,
  );
  expect(rows.length).toBeGreaterThan(3);
  expect(rows.filter(({ grants }) => grants > 0)).toEqual([]);
});

describe("the tenant role", () => {
  test("sees nothing while no organization is named", async () => {
    for (const table of [...tenantTables, "organizations"])
      expect([table, await countAs("", table)]).toEqual([table, 0]);
  });

  test("sees its own organization's rows and no other's", async () => {
    for (const table of tenantTables) expect([table, await countAs(MINE, table)]).toEqual([table, 1]);
    expect(await countAs(MINE, "organizations")).toBe(1);
  });

  test("cannot change or remove another's rows", async () => {
    for (const table of tenantTables.filter((name) => !UNCHANGING.includes(name))) {
      const changed = await runAs(
        THEIRS,
        `update ${table} set organization_id = organization_id where organization_id = '${MINE}'`,
      );
      const removed = await runAs(THEIRS, `delete from ${table} where organization_id = '${MINE}'`);
      expect([table, changed.rowCount, removed.rowCount]).toEqual([table, 0, 0]);
    }
  });

  test("cannot write a row into another organization, or move one there", async () => {
    for (const table of tenantTables) {
      await expect(runAs(THEIRS, insertInto(table, MINE)), table).rejects.toThrow("row-level security");
      if (!UNCHANGING.includes(table))
        await expect(runAs(THEIRS, `update ${table} set organization_id = '${MINE}'`), table).rejects.toThrow(
          /row-level security|duplicate key/,
        );
    }
  });

  test("cannot make, rename or remove an organization", async () => {
    for (const change of [
      "insert into organizations (id, name) values (gen_random_uuid(), 'x')",
      "update organizations set name = 'x'",
      "delete from organizations",
    ])
      await expect(runAs(MINE, change)).rejects.toThrow("permission denied");
  });

  test("cannot add to nor change the audit log but by adding its own", async () => {
    for (const change of [
      "update audit_events set action = 'x'",
      "delete from audit_events",
      "truncate audit_events",
    ])
      await expect(runAs(MINE, change)).rejects.toThrow("permission denied");
  });

  test("cannot change what a version of a configuration says", async () => {
    await expect(runAs(MINE, "update configuration_versions set body = 'x'")).rejects.toThrow(
      "permission denied",
    );
    const removed = await runAs(
      THEIRS,
      `delete from configuration_versions where organization_id = '${MINE}'`,
    );
    expect(removed.rowCount).toBe(0);
  });

  test("cannot turn row-level security off", async () => {
    for (const change of ["alter table runs disable row level security", "drop policy tenant on runs"])
      await expect(runAs(MINE, change)).rejects.toThrow("must be owner");
    await expect(runAs(THEIRS, "set local row_security = off; select * from runs")).rejects.toThrow(
      "would be affected by row-level security",
    );
  });

  test("a transaction's organization ends with it, on the same connection too", async () => {
    const pool = new pg.Pool({
      connectionString: storage.connectionString,
      max: 1,
      options: "-c role=flowplane_app",
    });
    const client = await pool.connect();
    await client.query("begin");
    await client.query("select set_config('app.organization_id', $1, true)", [MINE]);
    const inside = await client.query("select id from sites");
    await client.query("commit");
    const after = await client.query("select id from sites");
    expect([inside.rowCount, after.rowCount]).toEqual([1, 0]);
    client.release();
    await pool.end();
  });
});

async function neededColumns(table: string): Promise<Column[]> {
  const { rows } = await admin.query<Column>(
    "select column_name as name, udt_name as type from information_schema.columns where table_schema = 'public' and table_name = $1 and is_nullable = 'NO' and (column_default is null or column_name = 'organization_id') order by ordinal_position",
    [table],
  );
  if (!rows.some((column) => column.name === "organization_id"))
    throw new Error(`${table} has no organization_id`);
  return rows;
}

/** One row of each organization in every table. What rows mean is not the subject, so references and checks are left out. */
async function fill(): Promise<void> {
  const { rows: checks } = await admin.query<{ table: string; name: string }>(
    "select conrelid::regclass::text as table, conname as name from pg_constraint where contype in ('c', 'f') and connamespace = 'public'::regnamespace",
  );
  for (const check of checks) await admin.query(`alter table ${check.table} drop constraint ${check.name}`);
  for (const organization of [MINE, THEIRS]) {
    await admin.query("insert into organizations (id, name) values ($1, 'x')", [organization]);
    for (const table of tenantTables) await admin.query(insertInto(table, organization));
  }
}

function insertInto(table: string, organizationId: string): string {
  const needed = columns.get(table) ?? [];
  const values = needed.map(({ name, type }) =>
    name === "organization_id" ? `'${organizationId}'` : valueOf(type),
  );
  return `insert into ${table} (${needed.map((column) => column.name).join(", ")}) values (${values.join(", ")})`;
}

function valueOf(type: string): string {
  switch (type) {
    case "uuid":
      return "gen_random_uuid()";
    case "text":
      return "gen_random_uuid()::text";
    case "bytea":
      return "decode(md5(random()::text), 'hex')";
    case "jsonb":
      return "'{}'";
    case "timestamptz":
      return "now()";
    case "int4":
    case "int8":
      return "(random() * 1000000)::int";
    case "bool":
      return "true";
  }
  throw new Error(`no value for ${type}: teach this test`);
}

async function countAs(organizationId: string, table: string): Promise<number> {
  const { rows } = await runAs(organizationId, `select count(*) as count from ${table}`);
  return Number(rows[0]?.["count"]);
}

/** Runs a statement as the tenant role in an organization, and takes it back. */
async function runAs(
  organizationId: string,
  statement: string,
): Promise<pg.QueryResult<Record<string, unknown>>> {
  await admin.query("begin");
  try {
    await admin.query("set local role flowplane_app");
    await admin.query("select set_config('app.organization_id', $1, true)", [organizationId]);
    return await admin.query<Record<string, unknown>>(statement);
  } finally {
    await admin.query("rollback");
  }
}
