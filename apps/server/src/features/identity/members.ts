import { ROLE_PERMISSIONS, type Member, type Role } from "@flowplane/contract";
import type { Auth, SignInLink } from "../../platform/auth/auth.ts";
import { subjects } from "../../platform/bus/bus.ts";
import {
  inTransaction,
  newId,
  notify,
  timestamp,
  type Actor,
  type Ctx,
  type Tx,
} from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import {
  deleteMembership,
  ensureUser,
  insertMembership,
  listMemberships,
  lockMembership,
  lockOwners,
  setMembershipRole,
  usersById,
  type MembershipRow,
  type UserRow,
} from "./store.ts";

export async function listMembers(ctx: Ctx, query: { cursor?: string | undefined; limit: number }) {
  const after = idOfCursor(query.cursor);
  const rows = await inTransaction(ctx, (ctx) => listMemberships(ctx.db, after, query.limit + 1));
  const users = await usersById(
    ctx.storage.system,
    rows.map((row) => row.user_id),
  );
  return pageOf(
    rows,
    query.limit,
    (row) => [row.user_id],
    (row) => memberOf(row, users.get(row.user_id)),
  );
}

/** Makes somebody a member and tells them how to come in: by mail when we can, else by a link for the inviter to pass on. */
export async function inviteMember(
  ctx: Ctx,
  auth: Auth,
  { email, name, role }: { email: string; name?: string | undefined; role: Role },
): Promise<{ member: Member; mailed: boolean; link: SignInLink | null }> {
  requireRank(ctx.actor, role);
  const address = email.toLowerCase();
  const user = await ensureUser(ctx.storage.system, newId(), address, name ?? "");
  const membership = await inTransaction(ctx, async (ctx) => {
    const membership = await insertMembership(ctx.db, {
      organization_id: ctx.actor.organization_id,
      user_id: user.id,
      role,
    });
    if (membership === undefined) throw new AppError("conflict", `${address} is a member already.`);
    record(ctx, {
      action: "member.invite",
      target_type: "member",
      target_id: user.id,
      metadata: { email: address, role },
    });
    notify(ctx, { topic: "member", id: user.id });
    return membership;
  });
  const member = memberOf(membership, user);
  if (auth.mails && (await mailed(ctx, auth, address))) return { member, mailed: true, link: null };
  return { member, mailed: false, link: await auth.createSignInLink(address) };
}

export async function changeMember(ctx: Ctx, userId: string, role: Role): Promise<Member> {
  const membership = await inTransaction(ctx, async (ctx) => {
    const owners = await lockOwners(ctx.db);
    const membership = await findMembership(ctx, userId);
    requireRank(ctx.actor, membership.role);
    requireRank(ctx.actor, role);
    if (membership.role === role) return membership;
    if (role !== "owner") keepAnOwner(owners, userId);
    await setMembershipRole(ctx.db, userId, role);
    record(ctx, {
      action: "member.change",
      target_type: "member",
      target_id: userId,
      metadata: { from: membership.role, to: role },
    });
    changed(ctx, userId);
    return { ...membership, role };
  });
  const users = await usersById(ctx.storage.system, [userId]);
  return memberOf(membership, users.get(userId));
}

export async function removeMember(ctx: Ctx, auth: Auth, userId: string): Promise<undefined> {
  await inTransaction(ctx, async (ctx) => {
    const owners = await lockOwners(ctx.db);
    const membership = await findMembership(ctx, userId);
    requireRank(ctx.actor, membership.role);
    keepAnOwner(owners, userId);
    await deleteMembership(ctx.db, userId);
    record(ctx, {
      action: "member.remove",
      target_type: "member",
      target_id: userId,
      metadata: { role: membership.role },
    });
    changed(ctx, userId);
  });
  // Should this not be reached, the sessions still open nothing here: each request looks for the membership.
  await auth.endSessions(userId);
  return undefined;
}

/** A link that signs a member in once. Whoever holds it is that member, so it is given only to those who may do as much. */
export async function createSignInLink(
  ctx: Ctx,
  auth: Auth,
  userId: string | undefined,
): Promise<SignInLink> {
  const target = await inTransaction(ctx, async (ctx) => {
    const id = userId ?? (await lockOwners(ctx.db))[0];
    if (id === undefined) throw new AppError("not_found", "The organization has no owner.");
    const membership = await findMembership(ctx, id);
    requireRank(ctx.actor, membership.role);
    record(ctx, { action: "sign_in_link.create", target_type: "member", target_id: id });
    return id;
  });
  const user = (await usersById(ctx.storage.system, [target])).get(target);
  if (user === undefined) throw notFound("member", target);
  return auth.createSignInLink(user.email);
}

async function findMembership(ctx: Tx, userId: string): Promise<MembershipRow> {
  const membership = await lockMembership(ctx.db, userId);
  if (membership === undefined) throw notFound("member", userId);
  return membership;
}

/** Nobody gives, takes or borrows rights they do not have themselves. */
export function requireRank(actor: Actor, role: Role): void {
  const missing = ROLE_PERMISSIONS[role].filter((permission) => !actor.permissions.includes(permission));
  if (missing.length === 0) return;
  throw new AppError(
    "forbidden",
    `The role ${role} has rights you do not have: ${missing.join(", ")}. Ask an owner.`,
  );
}

function keepAnOwner(owners: readonly string[], userId: string): void {
  if (owners.length === 1 && owners[0] === userId)
    throw new AppError(
      "conflict",
      "This is the organization's last owner. Make somebody else an owner first.",
    );
}

function changed(ctx: Tx, userId: string): void {
  ctx.afterCommit(() => ctx.bus.publish(subjects.credentialsChanged, { actor_id: userId }));
  notify(ctx, { topic: "member", id: userId });
}

/** False when the mail server did not take it; the invitation stands, and the link goes another way. */
async function mailed(ctx: Ctx, auth: Auth, email: string): Promise<boolean> {
  try {
    await auth.mailSignInLink(email);
    return true;
  } catch (error) {
    ctx.log.error({ error, event_type: "mail" }, "an invitation could not be mailed");
    return false;
  }
}

function memberOf(membership: MembershipRow, user: UserRow | undefined): Member {
  return {
    user_id: membership.user_id,
    email: user?.email ?? "",
    name: user?.name ?? "",
    role: membership.role,
    created_at: timestamp(membership.created_at),
    last_signed_in_at: timestamp(user?.last_signed_in_at ?? null),
  };
}
