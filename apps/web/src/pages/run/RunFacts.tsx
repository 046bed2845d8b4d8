import { Link } from "@tanstack/react-router";
import { isTerminal, type Run } from "@flowplane/contract";
import { duration, span } from "../../lib/time.ts";
import { bytes, counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { ShortId } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Fact, Facts } from "../../ui/Page.tsx";
import { Time } from "../../ui/Time.tsx";
import { RunDuration } from "../runs/RunWords.tsx";

export function RunFacts({ run }: { run: Run }) {
  return (
    <Facts>
      <Fact name="Duration">
        <RunDuration run={run} />
        {run.max_runtime_ms === null ? "" : ` of at most ${span(run.max_runtime_ms)}`}
      </Fact>
      {run.exit_code === null ? null : <Fact name="Exit code">{run.exit_code}</Fact>}
      {run.signal === null ? null : <Fact name="Ended by">{run.signal}</Fact>}
      {run.reason === null ? null : <Fact name="Why">{run.reason}</Fact>}
      <Fact name="Output">{outputText(run)}</Fact>
      {run.usage === null ? null : (
        <Fact name="Used">
          {duration(run.usage.cpu_ms)} of CPU, at most {bytes(run.usage.memory_peak_bytes)} of memory
        </Fact>
      )}
      <Fact name="Agent">
        {run.agent_id === null ? (
          "not chosen yet"
        ) : (
          <Link {...paths.agent(run.agent_id)} className={TEXT_LINK}>
            {run.agent_name}
          </Link>
        )}
      </Fact>
      <Fact name="Launched by">
        {run.created_by.name}, <Time at={run.created_at} />
      </Fact>
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
      {run.user === null && run.group === null ? null : (
        <Fact name="User">{[run.user, run.group].filter((name) => name !== null).join(":")}</Fact>
      )}
      {run.pid === null ? null : <Fact name="Process">{run.pid}</Fact>}
      <Fact name="Id">
        <ShortId id={run.id} label="run id" />
      </Fact>
    </Facts>
  );
}

function outputText(run: Run): string {
  if (run.log.expired) return "deleted when its time was over";
  const gone = run.log.sentence === null ? "" : ` (${run.log.sentence.replace(/\.$/, "")})`;
  const text = `${counted(run.log.lines, "line")}, ${bytes(run.log.bytes)}${gone}`;
  if (isTerminal(run.state)) return `${text}${run.log.complete ? ", all stored" : ", still arriving"}`;
  return run.log.lines === 0 ? "nothing stored yet" : `${text} stored so far`;
}
