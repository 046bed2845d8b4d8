import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import type { DestinationStream } from "pino";
import { ROLE_PERMISSIONS, type Role } from "@flowplane/contract";
import { readConfig, type Config } from "../config.ts";
import { createInProcessBus } from "../platform/bus/in-process.ts";
import { newId, type Actor, type Base, type Ctx } from "../platform/context.ts";
import { createLog } from "../platform/log.ts";
import { createDiskObjects } from "../platform/objects/disk.ts";
import { createSecrets, MASTER_KEY_BYTES } from "../platform/secrets/secrets.ts";
import { testDatabase } from "../platform/storage/testing.ts";

export interface TestBase extends AsyncDisposable {
  readonly base: Base;
  /** The database as its superuser, for what no role of ours may do. */
  readonly databaseUrl: string;
}

export interface TestBaseOptions {
  readonly config?: Partial<Config>;
  readonly now?: () => number;
  readonly log?: DestinationStream;
}

/** A process's base by hand: a database of its own, a folder of its own, and everything else as in production. */
export async function testBase(options: TestBaseOptions = {}): Promise<TestBase> {
  const storage = await testDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), "flowplane-base-"));
  const log = options.log === undefined ? createLog("silent") : createLog("debug", options.log);
  const bus = createInProcessBus((error) => log.error({ error }, "bus listener"));
  const base: Base = {
    config: readConfig(
      { FLOWPLANE_DATA: dataDir },
      { databaseUrl: storage.connectionString, ...options.config },
    ),
    log,
    storage,
    bus,
    objects: createDiskObjects(join(dataDir, "objects")),
    secrets: createSecrets(randomBytes(MASTER_KEY_BYTES)),
    now: options.now ?? Date.now,
  };
  return {
    base,
    databaseUrl: storage.connectionString,
    async [Symbol.asyncDispose]() {
      await bus.close();
      await storage.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** A new organization and its site, and who acts in it. */
export async function testOrganization(
  base: Base,
  role: Role = "owner",
): Promise<{ ctx: Ctx; actor: Actor; siteId: string }> {
  const [organizationId, siteId] = [newId(), newId()];
  await base.storage.system
    .insertInto("organizations")
    .values({ id: organizationId, name: `Organization ${organizationId.slice(-4)}` })
    .execute();
  await base.storage.system
    .insertInto("sites")
    .values({ id: siteId, organization_id: organizationId, name: "default", environment: "production" })
    .execute();
  const actor = testActor(organizationId, role);
  return { ctx: testCtx(base, actor), actor, siteId };
}

export function testActor(organizationId: string, role: Role = "owner"): Actor {
  return {
    type: "user",
    id: newId(),
    name: role,
    organization_id: organizationId,
    role,
    permissions: ROLE_PERMISSIONS[role],
  };
}

export function testCtx(base: Base, actor: Actor): Ctx {
  return { ...base, actor, requestId: "req_test", remoteAddress: "127.0.0.1" };
}
