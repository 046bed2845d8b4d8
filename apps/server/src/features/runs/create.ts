import {
  ARGV_BYTES_MAX,
  NAME_LENGTH_MAX,
  type Placement,
  type PolicyDocument,
  type Run,
  type RunCreate,
} from "@flowplane/contract";
import { inTransaction, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound, type FieldError } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { resolvePolicy } from "../policies/resolve.ts";
import { checkSecrets } from "../secrets/secrets.ts";
import { chooseAgent, requireAgent } from "./choose-agent.ts";
import { queueRun, type LaunchedPolicy } from "./launch.ts";
import { readSites } from "./placement-store.ts";
import { runOf } from "./view.ts";

/** Queues a command: on the agent that is named or the only one there is, or, with a placement, on one that fits. */
export async function createRun(ctx: Ctx, input: RunCreate): Promise<Run> {
  checkArguments(input.command, input.args);
  return inTransaction(ctx, async (ctx) => {
    const placement = await placementOf(ctx, input);
    const secrets = input.env_policy?.secrets ?? {};
    await checkSecrets(ctx, secrets, placement.site_id ?? null, "/env_policy/secrets");
    const row = await queueRun(ctx, {
      name: input.name ?? nameOf(input.command),
      command: input.command,
      args: input.args,
      cwd: input.cwd ?? null,
      grace_ms: input.grace_ms,
      max_runtime_ms: runtimeOf(input.max_runtime_ms, input.resource_policy?.max_runtime_seconds),
      env: { ...input.env_policy?.set, ...input.env },
      inherit: input.env_policy?.inherit ?? [],
      secrets,
      resource_policy: input.resource_policy ?? {},
      user: input.user ?? null,
      group: input.group ?? null,
      isolation: input.isolation ?? null,
      retry: input.retry ?? null,
      progress: input.progress ?? null,
      policy: await policyOf(ctx, input.policy, input.policy_document),
      placement,
      origin: "api",
      job: null,
      scheduled_for: null,
      restart_of: null,
      reason: null,
      note: null,
    });
    return runOf(row, ctx.now());
  });
}

async function placementOf(ctx: Tx, input: RunCreate): Promise<Placement> {
  if (input.agent_id !== undefined && input.placement !== undefined)
    refuse("/placement", "say either agent_id or placement, not both");
  if (input.placement === undefined || input.placement.agent_id !== undefined) {
    const agent =
      input.placement?.agent_id === undefined
        ? await chooseAgent(ctx, input.agent_id)
        : await requireAgent(ctx, input.placement.agent_id);
    return { agent_id: agent.id, site_id: agent.site_id };
  }
  await requireSite(ctx, input.placement.site_id);
  return input.placement;
}

/** Throws `not_found` for a site of nobody or of others. */
export async function requireSite(ctx: Tx, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  if (!isUuid(id) || !(await readSites(ctx.db, [id])).has(id)) throw notFound("site", id);
}

/** The policy a run is launched with: the one named, one of its own, or the organization's default. */
export async function policyOf(
  ctx: Tx,
  ref: { policy_id: string; version?: number | undefined } | undefined,
  document?: PolicyDocument,
): Promise<LaunchedPolicy> {
  if (document === undefined) return resolvePolicy(ctx, ref);
  if (ref !== undefined) refuse("/policy_document", "say either policy or policy_document, not both");
  return { policy_id: null, policy_name: "its own", version: 0, document };
}

/** The shorter of two limits in different units; null when neither is given. */
export function runtimeOf(ms: number | null, seconds: number | undefined): number | null {
  const fromSeconds = seconds === undefined ? null : seconds * 1_000;
  if (ms === null || fromSeconds === null) return ms ?? fromSeconds;
  return Math.min(ms, fromSeconds);
}

/** The kernel takes only so much; each argument ends with a NUL there. */
export function checkArguments(command: string, args: readonly string[]): void {
  const bytes = [command, ...args].reduce((sum, text) => sum + Buffer.byteLength(text) + 1, 0);
  if (bytes > ARGV_BYTES_MAX)
    refuse(
      "/args",
      `the command and its arguments take ${bytes} bytes, at most ${ARGV_BYTES_MAX} are possible; put large input into a file`,
    );
}

function refuse(pointer: string, message: string): never {
  const fields: FieldError[] = [{ pointer, message }];
  throw new AppError("invalid_input", `The body is not valid: ${pointer}: ${message}.`, { fields });
}

/** The command's last path part, as long as a name may be. */
export function nameOf(command: string): string {
  const name =
    command
      .split("/")
      .findLast((part) => part.trim() !== "")
      ?.trim() ?? command;
  // Cut between characters, not inside a surrogate pair.
  return name.slice(0, NAME_LENGTH_MAX).toWellFormed();
}
