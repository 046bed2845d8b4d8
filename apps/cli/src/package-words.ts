import type { AgentPackages, PackageAttempt } from "@flowplane/contract";
import { formatWhen } from "./format.ts";

/** Attempts shown; the newest. */
const ATTEMPTS_SHOWN = 5;
const TITLE_CELLS = 12;

/** What packages an agent is to have and says it has, a line each. Pure; `now` is milliseconds since the epoch. */
export function packageLines(
  { state, sentence, set, error, items, attempts }: AgentPackages,
  now: number,
): string[] {
  return [
    line("state", `${state}: ${sentence}`),
    ...(set === null
      ? []
      : [line("set", `${formatWhen(set.set_at, now)} by ${set.set_by.name}: ${set.reason}`)]),
    ...(error === "" ? [] : [line("error", error)]),
    ...items.map((item) => line("package", `${item.name}: ${item.sentence}`)),
    ...attempts.slice(0, ATTEMPTS_SHOWN).map((attempt) => attemptLine(attempt, now)),
  ];
}

function attemptLine({ name, version, status, status_at, error }: PackageAttempt, now: number): string {
  const words = error === "" ? "" : `: ${error.trim().replaceAll("\n", " ")}`;
  return line(
    "attempt",
    `${name} ${version} ${status.replaceAll("_", " ")} ${formatWhen(status_at, now)}${words}`,
  );
}

function line(title: string, text: string): string {
  return `${title.padEnd(TITLE_CELLS)}${text}`;
}
