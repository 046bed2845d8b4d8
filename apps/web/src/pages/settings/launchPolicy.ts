/** What may be started in a site, as people edit it. */
import { LaunchPolicy, type ISOLATION_MODES } from "@flowplane/contract";

export interface LaunchPolicyText {
  readonly allow: string;
  readonly deny: string;
  readonly isolation: readonly (typeof ISOLATION_MODES)[number][];
  /** Names; empty for any, "-" for none. */
  readonly inherit: string;
  readonly users: string;
  readonly requireLimits: boolean;
}

export function launchPolicyFormOf(policy: LaunchPolicy): LaunchPolicyText {
  const names = (list: readonly string[] | null) =>
    list === null ? "" : list.length === 0 ? "-" : list.join(" ");
  return {
    allow: policy.allow.join("\n"),
    deny: policy.deny.join("\n"),
    isolation: policy.isolation,
    inherit: names(policy.inherit),
    users: names(policy.users),
    requireLimits: policy.require_limits,
  };
}

/** The policy of the form, with what the form does not show kept from `before`. */
export function readLaunchPolicy(
  form: LaunchPolicyText,
  before: LaunchPolicy,
): { policy: LaunchPolicy } | { problem: string } {
  if (form.isolation.length === 0) return { problem: "Allow one kind of isolation at least." };
  const [first = "process"] = form.isolation;
  const keepsDefault = form.isolation.includes(before.isolation_default.mode);
  if (!keepsDefault && first === "container")
    return {
      problem: "A container needs an image, so it cannot be what runs get by default: allow another one too.",
    };
  const parsed = LaunchPolicy.safeParse({
    allow: lines(form.allow),
    deny: lines(form.deny),
    isolation: form.isolation,
    isolation_default: keepsDefault ? before.isolation_default : { mode: first },
    inherit: names(form.inherit),
    users: names(form.users),
    require_limits: form.requireLimits,
  });
  if (parsed.success) return { policy: parsed.data };
  const issue = parsed.error.issues[0];
  return { problem: `${issue?.path.join(" › ") ?? ""}: ${issue?.message ?? ""}` };
}

function lines(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function names(text: string): string[] | null {
  if (text.trim() === "") return null;
  return text.trim() === "-" ? [] : text.trim().split(/[\s,]+/);
}
