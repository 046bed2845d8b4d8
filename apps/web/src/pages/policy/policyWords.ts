/** A policy in words, and what differs between two of them. */
import { CATEGORIES, type LadderAction, type PolicyDocument } from "@flowplane/contract";
import { CATEGORY_WORD } from "../../api/states.ts";
import { joinCommand } from "../../lib/argv.ts";
import { span } from "../../lib/time.ts";

export interface PolicyLine {
  readonly name: string;
  readonly value: string;
}
export interface PolicyChange {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** One sentence: what happens to a run that goes wrong under it. */
export function policySentence(policy: PolicyDocument): string {
  const acts = CATEGORIES.filter((category) =>
    policy.actions[category]?.some((rung) => rung.do !== "notify"),
  ).map((category) => CATEGORY_WORD[category].toLowerCase());
  const told = "Incidents are opened and told";
  if (policy.mode === "shadow")
    return acts.length === 0
      ? `${told}; nothing else is done.`
      : `${told}; nothing else is done, but each says what would have been.`;
  const where = policy.mode === "canary" ? `On ${policy.canary_percent ?? 0} % of the runs it` : "It";
  return `${where} acts on ${listOf(acts)}; the rest is told.`;
}

export function rungWords(rung: LadderAction): string {
  switch (rung.do) {
    case "notify":
      return "tell";
    case "freeze":
      return "freeze";
    case "stop":
      return rung.grace_ms === undefined ? "stop" : `stop, grace ${span(rung.grace_ms)}`;
    case "stop_for_good":
      return rung.grace_ms === undefined ? "stop for good" : `stop for good, grace ${span(rung.grace_ms)}`;
    case "restart": {
      const changes = [
        rung.args_add === undefined || rung.args_add.length === 0 ? "" : `with ${joinCommand(rung.args_add)}`,
        rung.env_set === undefined || Object.keys(rung.env_set).length === 0
          ? ""
          : `setting ${Object.entries(rung.env_set)
              .map(([name, value]) => `${name}=${value}`)
              .join(" ")}`,
        rung.delay_ms === undefined || rung.delay_ms === 0 ? "" : `after ${span(rung.delay_ms)}`,
      ].filter((change) => change !== "");
      return changes.length === 0 ? "restart" : `restart ${changes.join(", ")}`;
    }
  }
}

/** "1st: restart with --resume → 2nd: stop for good". */
export function ladderWords(ladder: readonly LadderAction[]): string {
  return ladder.map(rungWords).join(" → ");
}

export function policyLines(policy: PolicyDocument): PolicyLine[] {
  const { rate_limit: limit } = policy;
  return [
    {
      name: "Mode",
      value: policy.mode === "canary" ? `canary on ${policy.canary_percent ?? 0} % of the runs` : policy.mode,
    },
    { name: "Sensitivity", value: policy.sensitivity },
    ...CATEGORIES.map((category) => ({
      name: CATEGORY_WORD[category],
      value: ladderWords(policy.actions[category] ?? [{ do: "notify" }]),
    })),
    { name: "Warm-up", value: span(policy.warm_up_ms) },
    { name: "Cooldown", value: span(policy.cooldown_ms) },
    {
      name: "Guard",
      value: `${limit.interventions_max} interventions in ${span(limit.window_ms)}, then shadow for ${span(limit.fallback_ms)}`,
    },
    ...policy.benign.map((pattern) => ({
      name: `Benign “${pattern}”`,
      value: "lines with this are by design",
    })),
  ];
}

/** Lines that differ; each pattern that came or went is one. */
export function policyDiff(before: PolicyDocument, after: PolicyDocument): PolicyChange[] {
  const [old, now] = [policyLines(before), policyLines(after)].map(
    (lines) => new Map(lines.map(({ name, value }) => [name, value])),
  ) as [Map<string, string>, Map<string, string>];
  return [...new Set([...old.keys(), ...now.keys()])]
    .map((name) => ({ name, before: old.get(name), after: now.get(name) }))
    .filter((change) => change.before !== change.after);
}

function listOf(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1) ?? ""}`;
}
