import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import type { Job } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { joinCommand } from "../../lib/argv.ts";
import { span } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { CopyBlock, ShortId } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { limitWords } from "../run/limitWords.ts";
import { isolationWords, retryWords } from "../run/executionWords.ts";

export default function JobDefinition() {
  const { jobId } = useParams({ from: "/frame/jobs/$jobId" });
  const job = useSuspenseQuery(q("jobRead", { params: { job_id: jobId } })).data;
  return (
    <TabPage>
      <Section title="Command">
        <CopyBlock text={joinCommand([job.command, ...job.args])} label="command" />
      </Section>
      <div className="grid gap-8 lg:grid-cols-2">
        <Section title="Execution">
          <ExecutionFacts job={job} />
        </Section>
        <Section title="The job">
          <JobFacts job={job} />
        </Section>
      </div>
    </TabPage>
  );
}

function ExecutionFacts({ job }: { job: Job }) {
  const { inherit, set, secrets } = job.env_policy;
  const limits = limitWords(job.resource_policy);
  return (
    <Facts>
      <Fact name="Folder">{job.cwd ?? "the agent's work folder"}</Fact>
      <Fact name="Environment">{Object.keys(set).join(" ") || "nothing added"}</Fact>
      <Fact name="Secrets">
        {Object.keys(secrets).length === 0
          ? "none"
          : Object.entries(secrets)
              .map(([name, secret]) => (name === secret ? name : `${name} from ${secret}`))
              .join(", ")}
      </Fact>
      <Fact name="Taken over">{inherit.join(" ") || "nothing"}</Fact>
      <Fact name="Limits">
        {limits.length === 0
          ? "none"
          : limits.map(({ name, words }) => <span key={name} className="block">{`${name}: ${words}`}</span>)}
      </Fact>
      <Fact name="Isolation">{isolationWords(job.isolation)}</Fact>
      <Fact name="User">
        {[job.user, job.group].filter((name) => name !== null).join(":") || "the agent's"}
      </Fact>
      <Fact name="Grace">{span(job.grace_ms)}</Fact>
      <Fact name="Retries">{retryWords(job.retry)}</Fact>
      <Fact name="At once">{counted(job.concurrency_max, "run")}</Fact>
    </Facts>
  );
}

function JobFacts({ job }: { job: Job }) {
  const { placement, policy } = job;
  return (
    <Facts>
      <Fact name="Where">
        {placement.agent_id !== undefined ? (
          <Link {...paths.agent(placement.agent_id)} className={TEXT_LINK}>
            on one agent
          </Link>
        ) : placement.labels === undefined ? (
          "on the least loaded agent"
        ) : (
          `on the least loaded agent with ${Object.entries(placement.labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(", ")}`
        )}
      </Fact>
      <Fact name="Policy">
        {policy === null ? (
          "the default one"
        ) : (
          <Link {...paths.policy(policy.policy_id)} className={TEXT_LINK}>
            {policy.name}
            {policy.version === null ? ", current version" : ` v${policy.version}`}
          </Link>
        )}
      </Fact>
      <Fact name="Kept in">{job.managed_by ?? "this control plane"}</Fact>
      <Fact name="Created by">
        {job.created_by.name}, <Time at={job.created_at} />
      </Fact>
      <Fact name="Changed">
        <Time at={job.updated_at} />, revision {job.revision}
      </Fact>
      <Fact name="Id">
        <ShortId id={job.id} label="job id" />
      </Fact>
    </Facts>
  );
}
