import { Link } from "@tanstack/react-router";
import type { ConfigurationAttempt } from "@flowplane/contract";
import { ATTEMPT_LOOK } from "../../api/delivery.ts";
import { paths } from "../../paths.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

/** What was tried, newest first, and what the agent said to it. */
export function Attempts({ attempts }: { attempts: readonly ConfigurationAttempt[] }) {
  if (attempts.length === 0) return <p className="text-n8">Nothing was offered to it from here so far.</p>;
  return (
    <ol className="flex flex-col">
      {attempts.map((attempt) => (
        <li
          key={`${attempt.hash}${attempt.offered_at ?? ""}${attempt.status_at}`}
          className="flex flex-col gap-0.5 border-t border-n3 py-1.5 first:border-t-0"
        >
          <span className="flex flex-wrap items-baseline gap-x-3">
            {attempt.configuration_id === null || attempt.version === null ? (
              <span className="font-medium">what it had before</span>
            ) : (
              <Link
                {...paths.configurationTab(attempt.configuration_id, "versions", {
                  version: attempt.version,
                })}
                className="font-medium hover:underline"
              >
                v{attempt.version}
              </Link>
            )}
            <StateMark {...ATTEMPT_LOOK[attempt.status]} />
            {attempt.rollout_id === null ? null : (
              <Link {...paths.rollout(attempt.rollout_id)} className={`${TEXT_LINK} text-n8`}>
                rollout
              </Link>
            )}
            {attempt.rolled_back_to === null ? null : (
              <span className="text-n8">to {versionOf(attempts, attempt.rolled_back_to)}</span>
            )}
            <Time at={attempt.status_at} className="ml-auto text-sm text-n8" />
          </span>
          {attempt.error_message === "" ? null : (
            <span className="font-mono text-xs break-words whitespace-pre-wrap text-bad">
              {attempt.error_message}
            </span>
          )}
        </li>
      ))}
    </ol>
  );
}

/** The version an earlier attempt brought under this hash; else the hash itself. */
function versionOf(attempts: readonly ConfigurationAttempt[], hash: string): string {
  const version = attempts.find((attempt) => attempt.hash === hash)?.version;
  return version === undefined || version === null ? hash.slice(0, 8) : `v${version}`;
}
