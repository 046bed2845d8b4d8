import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { isTerminal, type Run } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { joinCommand } from "../../lib/argv.ts";
import { duration } from "../../lib/time.ts";
import { bytes, counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { CopyBlock, ShortId } from "../../ui/Copy.tsx";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { Time } from "../../ui/Time.tsx";
import { WaitingWords } from "../agent/AgentSentence.tsx";
import { RunDuration } from "../runs/RunWords.tsx";

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
      <Section title="Details">
        <RunFacts run={run} />
      </Section>
    </aside>
  );
}

function Timeline({ run }: { run: Run }) {
  const { data, error, refetch } = useQuery(
    q("runEvents", { params: { run_id: run.id }, query: { limit: EVENTS_MAX } }),
  );
  if (error !== null && data === undefined) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) {
    return (
      <div className="late">
        <Rows count={3} />
      </div>
    );
  }
  return (
    <ol className="flex flex-col">
      {data.items.map((event, index) => (
        <li key={event.id} className="relative flex gap-3 pb-3 pl-4">
          <span aria-hidden="true" className="absolute top-[7px] left-0 size-1.5 rounded-full bg-n7" />
          {index === data.items.length - 1 && isTerminal(run.state) ? null : (
            <span aria-hidden="true" className="absolute top-4 bottom-0 left-[2.5px] w-px bg-n4" />
          )}
          <div className="min-w-0">
            <p className="break-words">{event.title}</p>
            {event.reason === null ? null : <p className="break-words text-n9">“{event.reason}”</p>}
            <p className="text-sm text-n8">
              <Time at={event.at} />
              {event.actor.type === "system" ? "" : ` · ${event.actor.name}`}
            </p>
          </div>
        </li>
      ))}
      {isTerminal(run.state) ? null : (
        <li className="relative pl-4 text-n8">
          <span
            aria-hidden="true"
            className="absolute top-[6px] -left-px size-2 rounded-full border-2 border-busy"
          />
          {run.waiting === null ? (
            "Goes on"
          ) : (
            <span className="[&]:first-letter:uppercase">{waitingSentence(run)}</span>
          )}
        </li>
      )}
    </ol>
  );
}

function waitingSentence(run: Run): React.ReactNode {
  return run.waiting === null ? null : (
    <>
      Now
      <WaitingWords waiting={run.waiting} />
    </>
  );
}

function RunFacts({ run }: { run: Run }) {
  return (
    <Facts>
      <Fact name="Duration">
        <RunDuration run={run} />
        {run.max_runtime_ms === null ? "" : ` of at most ${duration(run.max_runtime_ms)}`}
      </Fact>
      {run.exit_code === null ? null : <Fact name="Exit code">{run.exit_code}</Fact>}
      {run.signal === null ? null : <Fact name="Ended by">{run.signal}</Fact>}
      {run.reason === null ? null : <Fact name="Why">{run.reason}</Fact>}
      <Fact name="Output">{outputText(run)}</Fact>
      <Fact name="Agent">
        {run.agent_id === null ? (
          "not chosen yet"
        ) : (
          <Link
            {...paths.agent(run.agent_id)}
            className="underline decoration-n6 underline-offset-2 hover:decoration-n9"
          >
            {run.agent_name}
          </Link>
        )}
      </Fact>
      <Fact name="Launched by">
        {run.created_by.name}, <Time at={run.created_at} />
      </Fact>
      {run.restart_of === null ? null : (
        <Fact name="Restart of">
          <Link
            {...paths.run(run.restart_of)}
            className="underline decoration-n6 underline-offset-2 hover:decoration-n9"
          >
            an earlier run
          </Link>
        </Fact>
      )}
      <Fact name="Folder">
        {run.cwd === null ? (
          "the agent's work folder"
        ) : (
          <span className="font-mono text-sm break-all">{run.cwd}</span>
        )}
      </Fact>
      <Fact name="Environment">
        {run.env_names.length === 0 ? (
          "nothing added"
        ) : (
          <span className="font-mono text-sm break-all" title="Names only; values are never shown">
            {run.env_names.join(" ")}
          </span>
        )}
      </Fact>
      <Fact name="Grace">{duration(run.grace_ms)}</Fact>
      {run.pid === null ? null : <Fact name="Process">{run.pid}</Fact>}
      <Fact name="Id">
        <ShortId id={run.id} label="run id" />
      </Fact>
    </Facts>
  );
}

function outputText(run: Run): string {
  const text = `${counted(run.log.lines, "line")}, ${bytes(run.log.bytes)}`;
  if (isTerminal(run.state)) return `${text}${run.log.complete ? ", all stored" : ", still arriving"}`;
  return run.log.lines === 0 ? "nothing stored yet" : `${text} stored so far`;
}
