import type { AgentState, Changes } from "@flowplane/opamp";
import type { AttemptNews } from "../fleet/status.ts";

/** Of an agent's error message, what is kept. */
const ERROR_CHARS_MAX = 4_000;

/**
 * What a step says about configurations brought to the agent, by their hash; null when it says nothing. `offered` is
 * the hash that has just been sent to it, if one was.
 */
export function attemptsOf(
  before: AgentState,
  after: AgentState,
  changes: Changes,
  offered: string | null,
  now: number,
): ReadonlyMap<string, AttemptNews> | null {
  const news = new Map<string, AttemptNews>();
  const tell = (hash: string, status: AttemptNews["status"], more: Partial<AttemptNews> = {}) =>
    news.set(hash, { status, at: now, offeredAt: null, error: "", rolledBackTo: null, ...more });
  const reported = changes.remoteConfigStatus;
  if (reported !== undefined) {
    if (reported.hash !== "" && reported.status !== "unset" && reported.status !== "unknown")
      tell(reported.hash, reported.status, { error: reported.error_message.slice(0, ERROR_CHARS_MAX) });
    // It was last sent B, said that B failed, and now says that it runs A: nobody but itself went back to A.
    const last = before.sent.remoteConfig?.split(" ", 1)[0] ?? "";
    if (
      reported.status === "applied" &&
      last !== "" &&
      last !== reported.hash &&
      after.failedConfigHashes.includes(last)
    )
      tell(last, "rolled_itself_back", {
        error: failureOf(before, last),
        rolledBackTo: reported.hash,
      });
  }
  if (offered !== null && offered !== reported?.hash) tell(offered, "offered", { offeredAt: now });
  return news.size === 0 ? null : news;
}

function failureOf({ remoteConfigStatus: status }: AgentState, hash: string): string {
  return status?.hash === hash ? status.error_message.slice(0, ERROR_CHARS_MAX) : "";
}
