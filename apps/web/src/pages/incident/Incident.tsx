import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { Check, RotateCcw, X } from "lucide-react";
import { useState } from "react";
import type { IncidentDetail } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { CATEGORY_WORD, incidentLook, SEVERITY_LOOK } from "../../api/states.ts";
import { useKeys } from "../../frame/keys.ts";
import { number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { ShortId } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { PolicyOf } from "../../ui/PolicyOf.tsx";
import { Fact, Facts, Page, Section } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { ReplayDialog } from "../replay/ReplayDialog.tsx";
import { CloseIncident } from "./CloseIncident.tsx";
import { Features } from "./Features.tsx";
import { FeedbackPanel } from "./FeedbackPanel.tsx";
import { Happened } from "./Happened.tsx";
import { Interventions } from "./Interventions.tsx";
import { Lines } from "./Lines.tsx";

type OpenDialog = "nothing" | "close" | "replay";

export default function IncidentPage() {
  const { incidentId } = useParams({ from: "/frame/incidents/$incidentId" });
  const incident = useSuspenseQuery(q("incidentRead", { params: { incident_id: incidentId } })).data;
  const mayNot = useMayNot("run:write");
  const [dialog, setDialog] = useState<OpenDialog>("nothing");
  const acknowledge = useApi("incidentAcknowledge", { onSuccess: () => say("Acknowledged") });
  const cannotAcknowledge =
    mayNot ?? (incident.state === "open" ? undefined : `It is ${incident.state} already.`);
  const cannotClose = mayNot ?? (incident.state === "closed" ? "It is closed already." : undefined);
  const acknowledgeIt = () => acknowledge.mutate({ params: { incident_id: incident.id } });
  useKeys([
    {
      keys: "e",
      does: "Acknowledge",
      run: () => (cannotAcknowledge === undefined ? acknowledgeIt() : say(cannotAcknowledge)),
    },
    {
      keys: "c",
      does: "Close the incident",
      run: () => (cannotClose === undefined ? setDialog("close") : say(cannotClose)),
    },
  ]);
  return (
    <Page
      title={
        <span className="flex flex-wrap items-baseline gap-x-3">
          <span className="min-w-0 break-words">{incident.title}</span>
          <span className="text-base font-normal tracking-normal">
            <StateMark {...incidentLook(incident)} />
          </span>
        </span>
      }
      sentence={incident.sentence}
      actions={
        <>
          <Button icon={<RotateCcw size={14} aria-hidden="true" />} onClick={() => setDialog("replay")}>
            Replay
          </Button>
          <Button
            icon={<Check size={14} aria-hidden="true" />}
            whyNot={cannotAcknowledge}
            busy={acknowledge.isPending}
            onClick={acknowledgeIt}
          >
            Acknowledge
          </Button>
          <Button
            icon={<X size={14} aria-hidden="true" />}
            whyNot={cannotClose}
            onClick={() => setDialog("close")}
          >
            Close
          </Button>
        </>
      }
    >
      <div className="grid gap-x-8 gap-y-6 lg:grid-cols-[minmax(0,1fr)_320px]">
        <div className="flex min-w-0 flex-col gap-6">
          <Section
            title="What was seen"
            aside={
              <Link
                {...paths.run(incident.run_id, { line: Math.max(1, incident.evidence.lines.from) })}
                className={TEXT_LINK}
              >
                Lines {number(incident.evidence.lines.from)} to {number(incident.evidence.lines.to)} in the
                log
              </Link>
            }
          >
            <Lines incident={incident} />
          </Section>
          <Section title="Why it counted" aside={`Score ${incident.score} of 100`}>
            <Features evidence={incident.evidence} />
          </Section>
          <Section title="What was done, and why">
            <Interventions incident={incident} />
          </Section>
          <div className="grid gap-6 md:grid-cols-2">
            <Section title="What changed before">
              <Happened entries={incident.before} none="Nothing is known to have changed before it." />
            </Section>
            <Section title="What happened next">
              <Happened entries={incident.after} none="Nothing yet." />
            </Section>
          </div>
        </div>
        <div className="flex min-w-0 flex-col gap-6">
          <Section title="Was this right?">
            <FeedbackPanel incident={incident} />
          </Section>
          <Section title="Details">
            <IncidentFacts incident={incident} />
          </Section>
        </div>
      </div>
      {dialog === "close" ? <CloseIncident incident={incident} onClose={() => setDialog("nothing")} /> : null}
      {dialog === "replay" ? (
        <ReplayDialog
          run={{ id: incident.run_id, name: incident.run_name }}
          onClose={() => setDialog("nothing")}
        />
      ) : null}
    </Page>
  );
}

function IncidentFacts({ incident }: { incident: IncidentDetail }) {
  const { policy } = incident;
  return (
    <Facts>
      <Fact name="Category">{CATEGORY_WORD[incident.category]}</Fact>
      <Fact name="Severity">
        <StateMark {...SEVERITY_LOOK[incident.severity]} />
      </Fact>
      <Fact name="Confidence">{Math.round(incident.confidence * 100)} %</Fact>
      <Fact name="Run">
        <Link {...paths.run(incident.run_id)} className={TEXT_LINK}>
          {incident.run_name}
        </Link>
      </Fact>
      {incident.job_id === null ? null : (
        <Fact name="Job">
          <Link {...paths.job(incident.job_id)} className={TEXT_LINK}>
            Its job
          </Link>
        </Fact>
      )}
      <Fact name="Agent">
        <Link {...paths.agent(incident.agent_id)} className={TEXT_LINK}>
          {incident.agent_name}
        </Link>
      </Fact>
      <Fact name="Policy">{policy === null ? "none" : <PolicyOf policy={policy} />}</Fact>
      <Fact name="Since">
        <Time at={incident.evidence.since.at} />, line {number(incident.evidence.since.line)}
      </Fact>
      <Fact name="Opened">
        <Time at={incident.opened_at} />
      </Fact>
      {incident.acknowledged_by === null ? null : (
        <Fact name="Looked after by">{incident.acknowledged_by.name}</Fact>
      )}
      {incident.closed_at === null ? null : (
        <Fact name="Closed">
          <Time at={incident.closed_at} />
          {incident.closed_because === null ? "" : `: ${incident.closed_because}`}
        </Fact>
      )}
      <Fact name="Detector">
        <ShortId id={incident.evidence.config_hash} label="hash of the detector's configuration" />
      </Fact>
      <Fact name="Id">
        <ShortId id={incident.id} label="incident id" />
      </Fact>
    </Facts>
  );
}
