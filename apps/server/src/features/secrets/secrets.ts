import { SECRET_BYTES_MAX, type Secret } from "@flowplane/contract";
import { actorRef, inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import {
  deleteSecretRow,
  findSecret,
  listSecretRows,
  putSecretRow,
  readSecretRows,
  siteExists,
  touchSecrets,
  type ShownSecretRow,
} from "./store.ts";

/** Purpose under which values are sealed; the owner is part of it, so that a row copied elsewhere does not open. */
const purposeOf = (organizationId: string, name: string) => `secret/${organizationId}/${name}`;

const USE_NOTED_EVERY_MS = 300_000;

export async function listSecrets(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const [kind, after] = readCursor(query.cursor, 2) ?? ["secret"];
  if (kind !== "secret" || typeof after === "number" || after === null)
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return inTransaction(ctx, async (ctx) => {
    const rows = await listSecretRows(ctx.db, after, query.limit + 1);
    return pageOf(rows, query.limit, (row) => ["secret", row.name], secretOf);
  });
}

/** Stores a secret. The value is sealed at once, and neither shown, logged nor audited. */
export async function putSecret(
  ctx: Ctx,
  name: string,
  input: { value: string; site_id: string | null },
): Promise<Secret> {
  if (Buffer.byteLength(input.value) > SECRET_BYTES_MAX)
    throw new AppError("invalid_input", `A secret's value has at most ${SECRET_BYTES_MAX} bytes.`, {
      fields: [{ pointer: "/value", message: `at most ${SECRET_BYTES_MAX} bytes` }],
    });
  if (input.value.includes("\0"))
    throw new AppError("invalid_input", "A secret's value cannot hold a NUL byte: no variable can.", {
      fields: [{ pointer: "/value", message: "must not hold a NUL byte" }],
    });
  return inTransaction(ctx, async (ctx) => {
    if (input.site_id !== null && !(isUuid(input.site_id) && (await siteExists(ctx.db, input.site_id))))
      throw notFound("site", input.site_id);
    const isNew = (await findSecret(ctx.db, name)) === undefined;
    const row = await putSecretRow(ctx.db, {
      organization_id: ctx.actor.organization_id,
      name,
      site_id: input.site_id,
      value_sealed: ctx.secrets.seal(purposeOf(ctx.actor.organization_id, name), input.value),
      created_by: JSON.stringify(actorRef(ctx.actor)),
      at: new Date(ctx.now()),
    });
    record(ctx, {
      action: isNew ? "secret.create" : "secret.replace",
      target_type: "secret",
      target_id: name,
      metadata: { site_id: input.site_id },
    });
    notify(ctx, { topic: "secret", id: name });
    return secretOf(row);
  });
}

export async function deleteSecret(ctx: Ctx, name: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    if (!(await deleteSecretRow(ctx.db, name))) throw notFound("secret", name);
    record(ctx, { action: "secret.delete", target_type: "secret", target_id: name });
    notify(ctx, { topic: "secret", id: name });
    return undefined;
  });
}

/** What a run's variables get, or why it cannot be launched, as a sentence. */
export type ResolvedSecrets =
  | { readonly ok: true; readonly env: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly reason: string };

/** The values of `wanted` (variable -> name of a secret) for a run in a site; notes that they were used. */
export async function resolveSecrets(
  ctx: Tx,
  wanted: Readonly<Record<string, string>>,
  siteId: string,
): Promise<ResolvedSecrets> {
  const names = [...new Set(Object.values(wanted))].toSorted();
  if (names.length === 0) return { ok: true, env: {} };
  const rows = new Map((await readSecretRows(ctx.db, names)).map((row) => [row.name, row]));
  const missing = names.filter((name) => !rows.has(name));
  if (missing.length > 0) return { ok: false, reason: missingWords(missing) };
  const elsewhere = names.filter((name) => ![null, siteId].includes(rows.get(name)?.site_id ?? null));
  if (elsewhere.length > 0)
    return {
      ok: false,
      reason: `The ${secretWords(elsewhere)} kept for another site, and not given to this one.`,
    };
  await touchSecrets(ctx.db, names, new Date(ctx.now()));
  const env = Object.entries(wanted).map(([variable, name]) => {
    const sealed = rows.get(name)?.value_sealed ?? Buffer.alloc(0);
    return [variable, ctx.secrets.open(purposeOf(ctx.actor.organization_id, name), sealed).toString("utf8")];
  });
  return { ok: true, env: Object.fromEntries(env) as Record<string, string> };
}

/** A secret's value, and the one site it is for; null: for all. */
export interface SecretValue {
  readonly value: string;
  readonly site_id: string | null;
}

/** The values of those of `names` that exist. That they were used is noted apart (`noteSecretsUsed`): a preview uses none. */
export async function readSecretValues(
  ctx: Tx,
  names: readonly string[],
): Promise<ReadonlyMap<string, SecretValue>> {
  const rows = await readSecretRows(ctx.db, names);
  return new Map(
    rows.map(({ name, site_id, value_sealed }) => [
      name,
      {
        value: ctx.secrets.open(purposeOf(ctx.actor.organization_id, name), value_sealed).toString("utf8"),
        site_id,
      },
    ]),
  );
}

/** Notes that secrets went to agents; not more often than every few minutes, so that a fleet does not wait for one row. */
export async function noteSecretsUsed(ctx: Tx, names: readonly string[]): Promise<void> {
  await touchSecrets(ctx.db, names, new Date(ctx.now()), new Date(ctx.now() - USE_NOTED_EVERY_MS));
}

/**
 * Refuses names that nobody stored, before anything waits for them. A secret of one site asks for a run that is bound to
 * that site. `siteId` is the site the run is bound to, null when it may go anywhere.
 */
export async function checkSecrets(
  ctx: Tx,
  wanted: Readonly<Record<string, string>>,
  siteId: string | null,
  pointer: string,
): Promise<void> {
  const names = [...new Set(Object.values(wanted))].toSorted();
  const rows = new Map((await readSecretRows(ctx.db, names)).map((row) => [row.name, row]));
  const missing = names.filter((name) => !rows.has(name));
  const refuse = (reason: string) => {
    throw new AppError("invalid_input", reason, { fields: [{ pointer, message: reason }] });
  };
  if (missing.length > 0) refuse(missingWords(missing));
  const bound = names.filter((name) => ![null, siteId].includes(rows.get(name)?.site_id ?? null));
  if (bound.length > 0)
    refuse(
      siteId === null
        ? `The ${secretWords(bound)} kept for one site; say that it runs in that site (site_id ${rows.get(bound[0] ?? "")?.site_id}).`
        : `The ${secretWords(bound)} kept for another site, and not given to this one.`,
    );
}

function missingWords(names: readonly string[]): string {
  return `There is no secret ${names.join(", ")}. Store it with \`flowplane secrets set ${names[0]}\`, or PUT /api/v1/secrets/${names[0]}.`;
}

function secretWords(names: readonly string[]): string {
  return names.length === 1 ? `secret ${names[0]} is` : `secrets ${names.join(", ")} are`;
}

function secretOf(row: ShownSecretRow): Secret {
  return {
    name: row.name,
    site_id: row.site_id,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
    last_used_at: timestamp(row.last_used_at),
  };
}
