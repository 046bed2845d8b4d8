import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import type { Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { joinCommand } from "../../lib/argv.ts";
import { span } from "../../lib/time.ts";
import { paths } from "../../paths.ts";
import { CopyBlock } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { Time } from "../../ui/Time.tsx";
import { isolationWords, retryWords } from "./executionWords.ts";
import { limitWords } from "./limitWords.ts";
import { RunFacts } from "./RunFacts.tsx";
import { RunWatch } from "./RunWatch.tsx";
import { Timeline } from "./Timeline.tsx";
import { useRelatives } from "./useRelatives.ts";

const EVENTS_MAX = 200;

export function RunAside({ run, className }: { run: Run; className: string }) {
  return (
    <aside
      aria-label="About this run"
      className={clsx(
        "flex w-[340px] shrink-0 flex-col gap-6 overflow-y-auto border-t border-l border-n4 p-5 max-lg:w-full max-lg:border-l-0 max-md:p-4",
        className,
      )}
    >
      <Section title="Timeline">
        <Timeline run={run} />
      </Section>
      <Section title="Command">
        <CopyBlock text={joinCommand([run.command, ...run.args])} label="command" />
      </Section>
      <Section title="Limits">
        <Limits run={run} />
      </Section>
      <Section title="How it is watched">
        <RunWatch run={run} />
      </Section>
      <Section title="Before and after">
        <Family run={run} />
      </Section>
      <Section title="Details">
        <RunFacts run={run} />
      </Section>
    </aside>
  );
}

/** What was asked for, and what of it the kernel holds; the rest is measured and acted upon. */
function Limits({ run }: { run: Run }) {
  const events = useQuery(q("runEvents", { params: { run_id: run.id }, query: { limit: EVENTS_MAX } })).data
    ?.items;
  const enforced = events?.find(({ type }) => type === "run.running")?.payload.enforced;
  const limits = limitWords(run.resource_policy, Array.isArray(enforced) ? enforced.map(String) : undefined);
  return (
    <Facts>
      {limits.map(({ name, words, enforced: isEnforced }) => (
        <Fact key={name} name={name}>
          {words}
          {isEnforced === undefined ? null : (
            <span className="text-n8">{isEnforced ? ", held by the kernel" : ", watched"}</span>
          )}
        </Fact>
      ))}
      {limits.length === 0 ? <Fact name="Limits">none</Fact> : null}
      {run.max_runtime_ms === null || run.resource_policy.max_runtime_seconds !== undefined ? null : (
        <Fact name="Runtime">{span(run.max_runtime_ms)}</Fact>
      )}
      <Fact name="Isolation">{isolationWords(run.isolation)}</Fact>
      <Fact name="Grace">{span(run.grace_ms)}</Fact>
    </Facts>
  );
}

const ORIGIN_WORD: Readonly<Record<Run["origin"], string>> = {
  api: "asked for",
  schedule: "its job's schedule",
  job: "its job, started by hand",
  restart: "a restart",
  retry: "a retry",
  intervention: "a restart by its policy",
  local: "asked for on the host",
};

/** Where it comes from, what came of it, and the job it belongs to. */
function Family({ run }: { run: Run }) {
  const { previous, next } = useRelatives(run);
  const job = useQuery({
    ...q("jobRead", { params: { job_id: run.job_id ?? "" } }),
    enabled: run.job_id !== null,
  }).data;
  return (
    <Facts>
      <Fact name="Began by">{ORIGIN_WORD[run.origin]}</Fact>
      {run.job_id === null ? null : (
        <Fact name="Job">
          <Link {...paths.job(run.job_id)} className={TEXT_LINK}>
            {job?.name ?? "its job"}
          </Link>
          {job?.schedule_in_words == null ? "" : `, ${job.schedule_in_words}`}
        </Fact>
      )}
      {run.scheduled_for === null ? null : (
        <Fact name="Was due">
          <Time at={run.scheduled_for} />
        </Fact>
      )}
      <Fact name="Retries">{retryWords(run.retry)}</Fact>
      {run.attempt > 1 ? <Fact name="Attempt">{run.attempt}</Fact> : null}
      {previous === undefined ? null : (
        <Fact name="Before it">
          <Link {...paths.run(previous)} className={TEXT_LINK}>
            {run.retry_of === null ? "the run it restarts" : `attempt ${Math.max(1, run.attempt - 1)}`}
          </Link>
        </Fact>
      )}
      {next === undefined ? null : (
        <Fact name="After it">
          <Link {...paths.run(next.id)} className={TEXT_LINK}>
            {next.origin === "retry" ? `attempt ${next.attempt}` : "a restart"}
          </Link>
        </Fact>
      )}
    </Facts>
  );
}
