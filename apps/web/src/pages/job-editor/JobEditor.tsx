import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import type { Job } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { cannotChangeJob } from "../../api/states.ts";
import { parseLabels, printLabels } from "../../lib/labels.ts";
import { numberIn } from "../../lib/numberIn.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { SelectField, TextArea, TextField } from "../../ui/Field.tsx";
import { More } from "../../ui/More.tsx";
import { Page, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import {
  EnvironmentFields,
  IsolationFields,
  LimitFields,
  ProgressFields,
  RetryFields,
} from "../execution/ExecutionFields.tsx";
import {
  emptyExecution,
  executionOfJob,
  readExecution,
  type ExecutionForm,
} from "../execution/executionForm.ts";
import { useLaunchAgents, usePolicies } from "../execution/useTargets.ts";
import { readSchedule, scheduleOf, type ScheduleForm } from "./scheduleForm.ts";
import { ScheduleFields } from "./ScheduleFields.tsx";

const SITES_MAX = 200;
const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

interface RestForm {
  readonly name: string;
  readonly description: string;
  readonly site: string;
  /** An agent's id, "labels", or "" for any agent of the site. */
  readonly place: string;
  readonly labels: string;
  readonly concurrency: string;
  readonly policy: string;
}

/** Creates a job, or changes one. What runs already keeps its own definition. */
export function JobEditor({ job }: { job: Job | undefined }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("run:write");
  const [form, setForm] = useState<ExecutionForm>(job === undefined ? emptyExecution : executionOfJob(job));
  const [schedule, setSchedule] = useState<ScheduleForm>(scheduleOf(job?.schedule_policy ?? null, HERE));
  const [rest, setRest] = useState<RestForm>(restOf(job));
  const set = (part: Partial<RestForm>) => setRest((now) => ({ ...now, ...part }));
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items ?? [];
  const agents = useLaunchAgents(job?.placement.agent_id);
  const policies = usePolicies();
  const saved = (next: Job) => {
    say(job === undefined ? "Created" : "Saved");
    void navigate(paths.job(next.id));
  };
  const create = useApi("jobCreate", { onSuccess: saved });
  const replace = useApi("jobReplace", { onSuccess: saved });
  const read = readExecution(form);
  const problems = "problems" in read ? read.problems : {};
  const timing = readSchedule(schedule);
  const labels = parseLabels(rest.labels);
  const labelProblem = rest.place === "labels" && "problem" in labels ? labels.problem : undefined;
  const concurrency = numberIn(rest.concurrency, { min: 1, max: 1_000, unit: "runs" });
  const concurrencyProblem = typeof concurrency === "object" ? concurrency.problem : undefined;
  const whyNot =
    mayNot ??
    (job === undefined ? undefined : cannotChangeJob(job)) ??
    (rest.name.trim() === "" ? "Give it a name." : undefined) ??
    Object.values(problems)[0] ??
    ("problem" in timing ? timing.problem : undefined) ??
    labelProblem ??
    concurrencyProblem;
  const submit = () => {
    if (whyNot !== undefined || "problems" in read || "problem" in timing || "problem" in labels) return;
    const body = {
      ...read.fields,
      name: rest.name.trim(),
      description: rest.description.trim(),
      ...(timing.schedule === undefined ? {} : { schedule_policy: timing.schedule }),
      placement: placementOf(rest, labels.labels),
      ...(rest.site === "" ? {} : { site_id: rest.site }),
      ...(typeof concurrency === "number" ? { concurrency_max: Math.round(concurrency) } : {}),
      ...(rest.policy === "" ? {} : { policy: policyOf(rest.policy, job) }),
    };
    if (job === undefined) create.mutate({ body });
    else replace.mutate({ params: { job_id: job.id }, body: { ...body, revision: job.revision } });
  };
  const busy = create.isPending || replace.isPending;
  const error = create.error ?? replace.error;
  const fields = {
    form,
    problems,
    onChange: (part: Partial<ExecutionForm>) => setForm((now) => ({ ...now, ...part })),
  };
  return (
    <Page
      title={job === undefined ? "New job" : `Change ${job.name}`}
      sentence={
        job === undefined
          ? "A job is a command with limits, a schedule and what to do when it fails."
          : "Runs under way keep the definition they began with."
      }
    >
      <form
        className="flex max-w-[980px] flex-col gap-7"
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) submit();
        }}
      >
        <Section title="What runs">
          <div className="flex flex-col gap-4">
            <div className="grid gap-4 md:grid-cols-2">
              <TextField
                label="Name"
                autoFocus={job === undefined}
                maxLength={200}
                value={rest.name}
                onChange={(event) => set({ name: event.target.value })}
              />
              <TextField
                label="What it is for"
                maxLength={2_000}
                value={rest.description}
                onChange={(event) => set({ description: event.target.value })}
              />
            </div>
            <TextArea
              label="Command"
              rows={2}
              spellCheck={false}
              className="font-mono"
              placeholder="node import.js --since yesterday"
              hint="Starts without a shell; for pipes and variables write sh -c '…'."
              value={form.command}
              problem={form.command === "" ? undefined : problems.command}
              onChange={(event) => fields.onChange({ command: event.target.value })}
            />
            <More title="Folder, environment, secrets" open={form.env !== "" || form.secrets !== ""}>
              <EnvironmentFields
                {...fields}
                {...(job === undefined
                  ? {}
                  : { envHint: "One NAME=value a line. A line left as NAME= keeps the value it has." })}
              />
            </More>
          </div>
        </Section>
        <Section title="When">
          <ScheduleFields form={schedule} onChange={(part) => setSchedule((now) => ({ ...now, ...part }))} />
        </Section>
        <Section title="Where">
          <div className="grid gap-4 md:grid-cols-3">
            <SelectField
              label="Site"
              value={rest.site}
              onChange={(event) => set({ site: event.target.value })}
            >
              <option value="">any</option>
              {sites.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </SelectField>
            <SelectField
              label="Agent"
              value={rest.place}
              onChange={(event) => set({ place: event.target.value })}
            >
              <option value="">the least loaded one</option>
              <option value="labels">the least loaded one that carries labels…</option>
              {agents.map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
            </SelectField>
            <TextField
              label="Runs at once"
              inputMode="numeric"
              hint="Further ones wait."
              value={rest.concurrency}
              problem={concurrencyProblem}
              onChange={(event) => set({ concurrency: event.target.value })}
            />
          </div>
          {rest.place === "labels" ? (
            <TextArea
              label="Labels"
              rows={2}
              hint="One key=value a line."
              className="font-mono text-sm"
              spellCheck={false}
              value={rest.labels}
              problem={labelProblem}
              onChange={(event) => set({ labels: event.target.value })}
            />
          ) : null}
        </Section>
        <Section title="Limits">
          <LimitFields {...fields} />
        </Section>
        <Section title="When it fails">
          <RetryFields {...fields} />
        </Section>
        <Section title="How it is watched">
          <div className="flex flex-col gap-4">
            <SelectField
              label="Detection policy"
              value={rest.policy}
              onChange={(event) => set({ policy: event.target.value })}
            >
              <option value="">the default one</option>
              {policies.map((policy) => (
                <option key={policy.id} value={policy.id}>
                  {policy.name}, {policy.current.mode}
                </option>
              ))}
            </SelectField>
            <ProgressFields {...fields} />
          </div>
        </Section>
        <More title="Isolation and user" open={form.isolation !== "" || form.user !== ""}>
          <IsolationFields {...fields} />
        </More>
        {error === null ? null : <Problem error={error} />}
        <div className="sticky bottom-0 -mx-6 flex flex-wrap items-center justify-end gap-2 border-t border-n4 bg-n0 px-6 py-3 max-md:-mx-4 max-md:px-4">
          <Button onClick={() => void navigate(job === undefined ? paths.jobs() : paths.job(job.id))}>
            Cancel
          </Button>
          <Button type="submit" look="primary" busy={busy} whyNot={whyNot}>
            {job === undefined ? "Create the job" : "Save"}
          </Button>
        </div>
      </form>
    </Page>
  );
}

function restOf(job: Job | undefined): RestForm {
  const labels = job?.placement.labels;
  return {
    name: job?.name ?? "",
    description: job?.description ?? "",
    site: job?.site_id ?? job?.placement.site_id ?? "",
    place: job?.placement.agent_id ?? (labels === undefined ? "" : "labels"),
    labels: printLabels(labels ?? {}),
    concurrency: String(job?.concurrency_max ?? 1),
    policy: job?.policy?.policy_id ?? "",
  };
}

function placementOf({ place, site }: RestForm, labels: Record<string, string>) {
  if (place === "labels") return { labels };
  if (place !== "") return { agent_id: place };
  return site === "" ? {} : { site_id: site };
}

/** A job that is tied to one version stays so unless its policy is another one now. */
function policyOf(policyId: string, job: Job | undefined) {
  const version = job?.policy?.policy_id === policyId ? job.policy.version : null;
  return version === null || version === undefined
    ? { policy_id: policyId }
    : { policy_id: policyId, version };
}
