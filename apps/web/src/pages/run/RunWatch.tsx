import { api, pathOf, type Run } from "@flowplane/contract";
import { span } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { PolicyOf } from "../../ui/PolicyOf.tsx";
import { Fact, Facts } from "../../ui/Page.tsx";

/** The policy it was launched with, its signs of progress, what was redacted, and the evidence to take along. */
export function RunWatch({ run }: { run: Run }) {
  const { policy, progress, incidents } = run;
  const signs = [
    progress?.heartbeat_ms === undefined ? "" : `a sign of life every ${span(progress.heartbeat_ms)}`,
    progress?.file === undefined ? "" : `${progress.file} changes`,
    progress?.pattern === undefined ? "" : `lines matching ${progress.pattern}`,
  ].filter((sign) => sign !== "");
  return (
    <Facts>
      <Fact name="Policy">
        {policy === null ? "the agent's own: watch and tell" : <PolicyOf policy={policy} />}
      </Fact>
      {signs.length === 0 ? null : <Fact name="Progress">{signs.join("; ")}</Fact>}
      <Fact name="Incidents">
        {incidents.total === 0
          ? "none"
          : `${counted(incidents.total, "incident")}${incidents.open === 0 ? "" : `, ${incidents.open} open`}`}
      </Fact>
      <Fact name="Redacted">
        {run.log.redactions === 0
          ? "nothing"
          : `${counted(run.log.redactions, "secret")} replaced before anything left the host`}
      </Fact>
      <Fact name="Evidence">
        <a href={pathOf(api.runEvidenceDownload, { params: { run_id: run.id } })} className={TEXT_LINK}>
          Download
        </a>{" "}
        <span className="text-n8">for “flowplane replay --file”</span>
      </Fact>
    </Facts>
  );
}
