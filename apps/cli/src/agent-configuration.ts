import type { AgentConfiguration, ConfigurationAttempt } from "@flowplane/contract";
import { formatWhen } from "./format.ts";

/** Tries shown; the newest. */
const ATTEMPTS_SHOWN = 5;
const TITLE_CELLS = 12;

/** What an agent should run, was offered and says it runs, a line each. Pure; `now` is milliseconds since the epoch. */
export function configurationLines(configuration: AgentConfiguration, now: number): string[] {
  const { assigned, sentence, waiting, drift, profile, problems, attempts } = configuration;
  const facts: [string, string | null][] = [
    ["assigned", assigned === null ? "nothing" : assignedWords(assigned, now)],
    ["state", `${configuration.state.replaceAll("_", " ")}: ${sentence}`],
    ["waiting for", waiting === null ? null : waiting.for],
    ["offered", entriesWords(configuration.offered)],
    ["effective", effectiveWords(configuration, now)],
    ["drift", drift === null ? null : drift.in_sync ? "none" : drift.changes.join("; ")],
    ["client", profile.name],
  ];
  return [
    ...facts.flatMap(([title, value]) => (value === null ? [] : [`${title.padEnd(TITLE_CELLS)}${value}`])),
    ...profile.notes.map((note) => `${"note".padEnd(TITLE_CELLS)}${note}`),
    ...problems.map(({ severity, message }) => `${severity.padEnd(TITLE_CELLS)}${message}`),
    ...attempts.slice(0, ATTEMPTS_SHOWN).map((attempt) => attemptWords(attempt, now)),
  ];
}

function assignedWords(assigned: NonNullable<AgentConfiguration["assigned"]>, now: number): string {
  const { configuration_name, version, assigned_at, inputs_changed } = assigned;
  const since = `${configuration_name} v${version}, ${formatWhen(assigned_at, now)}`;
  return inputs_changed ? `${since}; a variable or secret has changed since` : since;
}

function effectiveWords({ effective, effective_at }: AgentConfiguration, now: number): string {
  return effective.length === 0
    ? "not reported"
    : `${entriesWords(effective)}, ${formatWhen(effective_at, now)}`;
}

function entriesWords(entries: AgentConfiguration["offered"]): string {
  if (entries.length === 0) return "nothing";
  return entries
    .map(({ name, body }) => `${name === "" ? "(unnamed)" : name}, ${body.split("\n").length} lines`)
    .join("; ");
}

function attemptWords(
  { version, status, status_at, error_message }: ConfigurationAttempt,
  now: number,
): string {
  const words = error_message === "" ? "" : `: ${error_message.trim().replaceAll("\n", " ")}`;
  return `${"attempt".padEnd(TITLE_CELLS)}v${version} ${status.replaceAll("_", " ")} ${formatWhen(status_at, now)}${words}`;
}
