import { randomUUID } from "node:crypto";
import type { ApiToken, Client, Me, Member } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { formatWhen, shortId } from "../format.ts";
import { parseDurationSeconds } from "../input.ts";
import { isWholeId, listUpTo, matchesId, theOnly } from "../listing.ts";
import { printable } from "../text-width.ts";

/** Members of the organization, their sign-in links, and API tokens for programs. */

const ROLES = ["owner", "admin", "operator", "viewer", "service"] as const;
type Role = (typeof ROLES)[number];
const ROWS_MAX = 10_000;

export function declareMembers(program: Command, context: Context): void {
  const members = plainCommand(program, "members", "See and change who belongs to the organization");
  defaultCommand(members, "ls", "List members").action((options: ApiOptions) =>
    listMembers(context, options),
  );

  const invite = apiCommand(
    members,
    "invite",
    "Invite a person; prints a sign-in link when no mail can be sent",
  )
    .argument("<email>", "mail address")
    .option("-n, --name <name>", "their name")
    .action((email: string, options: InviteOptions) => inviteMember(context, email, options));
  invite.addOption(
    invite.createOption("--role <role>", "what they may do").choices(ROLES).default("operator"),
  );

  const role = apiCommand(members, "role", "Change what a member may do").argument(
    "<member>",
    "mail address or id",
  );
  role.addArgument(role.createArgument("<role>", "the new role").choices(ROLES));
  role.action((wanted: string, newRole: Role, options: ApiOptions) =>
    changeRole(context, wanted, newRole, options),
  );

  apiCommand(members, "rm", "Remove a member; their sessions end at once")
    .argument("<member>", "mail address or id")
    .action((wanted: string, options: ApiOptions) => removeMember(context, wanted, options));

  apiCommand(members, "link", "Make a one-time sign-in link")
    .argument("[member]", "mail address or id (default: the oldest owner)")
    .action((wanted: string | undefined, options: ApiOptions) => signInLink(context, wanted, options));
}

interface InviteOptions extends ApiOptions {
  name?: string;
  role: Role;
}

async function listMembers(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.memberList({ query }), ROWS_MAX);
  if (options.json === true) return output.json(items);
  const now = context.now();
  output.table<Member>(
    [
      { title: "EMAIL", value: (member) => member.email, shrinkTo: 16 },
      { title: "NAME", value: (member) => member.name || "-", shrinkTo: 8 },
      { title: "ROLE", value: (member) => member.role },
      { title: "MEMBER SINCE", value: (member) => formatWhen(member.created_at, now) },
      { title: "SIGNED IN", value: (member) => formatWhen(member.last_signed_in_at, now) },
      { title: "ID", value: (member) => shortId(member.user_id) },
    ],
    items,
  );
}

async function inviteMember(context: Context, email: string, options: InviteOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const body = { email, role: options.role, ...(options.name === undefined ? {} : { name: options.name }) };
  const invited = await client.memberInvite({ body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(invited);
  if (invited.mailed)
    output.print(printable(`${email} is a member now (${options.role}); the sign-in link was mailed.`));
  if (invited.link !== null) {
    output.print(invited.link.url);
    output.note(
      printable(`Pass this link on to ${email}: it signs them in once, until ${invited.link.expires_at}.`),
    );
  }
}

async function changeRole(context: Context, wanted: string, role: Role, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const member = await findMember(client, wanted);
  const changed = await client.memberChange({ params: { user_id: member.user_id }, body: { role } });
  if (options.json === true) output.json(changed);
  else output.print(printable(`${changed.email} is ${changed.role} now`));
}

async function removeMember(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const member = await findMember(client, wanted);
  await client.memberRemove({ params: { user_id: member.user_id } });
  if (options.json === true) output.json(member);
  else output.print(printable(`${member.email} removed`));
}

async function signInLink(context: Context, wanted: string | undefined, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const body = wanted === undefined ? {} : { user_id: (await findMember(client, wanted)).user_id };
  const link = await client.signInLinkCreate({ body });
  if (options.json === true) return output.json(link);
  output.print(link.url);
  if (output.interactive) output.note(`It signs in once, until ${link.expires_at}.`);
}

async function findMember(client: Client, wanted: string): Promise<Member> {
  const { items } = await listUpTo((query) => client.memberList({ query }), ROWS_MAX);
  const isWanted = (member: Member) =>
    member.email.toLowerCase() === wanted.toLowerCase() || matchesId(member.user_id, wanted);
  const rows = items.filter(isWanted).map((member) => ({ ...member, id: member.user_id }));
  return theOnly(rows, "member", wanted, (member) => member.email);
}

export function declareApiTokens(program: Command, context: Context): void {
  const tokens = plainCommand(program, "api-tokens", "Make and revoke API tokens for programs");
  defaultCommand(tokens, "ls", "List API tokens").action((options: ApiOptions) =>
    listApiTokens(context, options),
  );

  const create = apiCommand(tokens, "create", "Create an API token; the secret alone goes to stdout")
    .argument("<name>", "what it is for")
    .option("--expires <duration>", "how long it is good (default: until revoked)", parseDurationSeconds)
    .action((name: string, options: ApiOptions & { role: Role; expires?: number }) =>
      createApiToken(context, name, options),
    );
  create.addOption(create.createOption("--role <role>", "what it may do").choices(ROLES).default("service"));

  apiCommand(tokens, "revoke", "Revoke an API token at once")
    .argument("<token>", "id, a part of one, or its name")
    .action((wanted: string, options: ApiOptions) => revokeApiToken(context, wanted, options));
}

async function listApiTokens(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.apiTokenList({ query }), ROWS_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No API tokens.");
  const now = context.now();
  output.table<ApiToken>(
    [
      { title: "ID", value: (token) => shortId(token.id) },
      { title: "NAME", value: (token) => token.name, shrinkTo: 8 },
      { title: "ROLE", value: (token) => token.role },
      { title: "EXPIRES", value: (token) => formatWhen(token.expires_at, now) },
      { title: "USED", value: (token) => formatWhen(token.last_used_at, now) },
      { title: "REVOKED", value: (token) => formatWhen(token.revoked_at, now) },
      { title: "BY", value: (token) => token.created_by.name, shrinkTo: 8 },
    ],
    items,
  );
}

async function createApiToken(
  context: Context,
  name: string,
  options: ApiOptions & { role: Role; expires?: number },
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const body = { name, role: options.role, expires_in_seconds: options.expires ?? null };
  const created = await client.apiTokenCreate({ body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(created);
  output.print(created.secret);
  if (output.interactive)
    output.note("It is shown this once; programs send it as `Authorization: Bearer …`.");
}

async function revokeApiToken(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.apiTokenList({ query }), ROWS_MAX);
  const byId = items.filter(({ id }) => id === wanted || matchesId(id, wanted));
  const usable = (token: ApiToken) => token.name === wanted && token.revoked_at === null;
  const matches = byId.length > 0 || isWholeId(wanted) ? byId : items.filter(usable);
  const token = theOnly(matches, "API token", wanted, ({ id, name }) => `${name} ${shortId(id)}`);
  await client.apiTokenRevoke({ params: { token_id: token.id } });
  if (options.json === true) output.json({ id: token.id, revoked: true });
  else output.print(printable(`${token.name} (${shortId(token.id)}) revoked`));
}

export function declareWhoami(program: Command, context: Context): void {
  apiCommand(program, "whoami", "Show which control plane is used, as whom, and why").action(
    (options: ApiOptions) => whoami(context, options),
  );
}

async function whoami(context: Context, options: ApiOptions): Promise<void> {
  const { client, output, target } = await openApi(context, options);
  const me = await client.me({});
  if (options.json === true) return output.json(me);
  output.print(printable(sentenceOf(me)));
  output.print(printable(`control plane  ${target.origin} ${me.server.version} (from ${target.originFrom})`));
  output.print(printable(`key            from ${target.secretFrom ?? "nowhere"}`));
}

function sentenceOf(me: Me): string {
  if (me.actor.name === "" && me.email === null) {
    throw new CliError("The control plane does not say who you are.", { exitCode: EXIT.failed });
  }
  const who = me.email === null ? me.actor.name : `${me.actor.name} <${me.email}>`;
  return `${who}, ${me.organization.role} of ${me.organization.name}`;
}
