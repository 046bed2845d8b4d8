import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { SELECTOR_CHARS_MAX } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { numberIn } from "../../lib/numberIn.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Check } from "../../ui/Check.tsx";
import { TextArea } from "../../ui/Field.tsx";
import { Empty, Page, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { EverybodyDialog } from "./EverybodyDialog.tsx";
import { FurtherFields, GateFields } from "./PlanFields.tsx";
import { Preview } from "./Preview.tsx";
import { readPlan, usualPlan } from "./rolloutForm.ts";
import { usePreview } from "./usePreview.ts";
import { WaveFields } from "./WaveFields.tsx";
import { WhatFields, type WhatForm } from "./WhatFields.tsx";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const CONFIGURATIONS_MAX = 200;
const FIRST_SELECTOR = 'kind == "collector"';
const EXAMPLES = [
  FIRST_SELECTOR,
  `${FIRST_SELECTOR} && labels.env == "prod"`,
  `${FIRST_SELECTOR} && site == "berlin"`,
];

/** What, to whom and how on the left; what that would do on the right, before anything is sent. */
export default function NewRolloutPage() {
  const search = useSearch({ from: "/frame/rollouts/new" });
  const navigate = useNavigate();
  const mayNot = useMayNot("rollout:write");
  const { data: configurations } = useQuery(q("configurationList", { query: { limit: CONFIGURATIONS_MAX } }));
  const [what, setWhat] = useState<WhatForm>({
    configuration: search.configuration_id ?? "",
    version: String(search.version ?? ""),
    baseline: "",
    percent: "10",
    message: "",
  });
  const [selector, setSelector] = useState(search.selector ?? FIRST_SELECTOR);
  const [plan, setPlan] = useState(() => usualPlan(HERE));
  const [queues, setQueues] = useState(false);
  const [means, setMeans] = useState(false);
  const [asks, setAsks] = useState(false);
  const configuration =
    configurations?.items.find(({ id }) => id === what.configuration) ??
    (what.configuration === "" ? configurations?.items[0] : undefined);
  const read = readPlan(plan);
  const split = splitOf(what);
  const target =
    configuration === undefined || "problems" in read || "problem" in split || selector.trim() === ""
      ? undefined
      : {
          configuration_id: configuration.id,
          ...(what.version === "" ? {} : { version: Number(what.version) }),
          selector: selector.trim(),
          plan: read.plan,
          split: split.split,
        };
  const { preview, error, isCurrent } = usePreview(target);
  const create = useApi("rolloutCreate", {
    onSuccess: (rollout) => {
      say(rollout.state === "queued" ? "Queued" : "The rollout has begun");
      void navigate(paths.rollout(rollout.id));
    },
  });
  const hasOverlap = (preview?.overlaps.length ?? 0) > 0;
  const whyNot =
    mayNot ??
    (configuration === undefined ? "Choose a configuration." : undefined) ??
    (selector.trim() === "" ? "Say which agents." : undefined) ??
    ("problem" in split ? split.problem : undefined) ??
    ("problems" in read ? Object.values(read.problems)[0] : undefined) ??
    (error === null ? undefined : "The selector is not understood.") ??
    (preview === undefined || !isCurrent ? "Wait until it is known what it would do." : undefined) ??
    preview?.problems[0] ??
    (hasOverlap && !queues
      ? "Another rollout has some of these agents; let this one wait for it."
      : undefined) ??
    (preview?.everybody === true && !means ? "Say that you mean every agent." : undefined);
  const start = () => {
    if (target === undefined) return;
    create.mutate({
      body: {
        ...target,
        ...(what.message.trim() === "" ? {} : { message: what.message.trim() }),
        confirm_everybody: preview?.everybody === true,
        on_overlap: hasOverlap ? "queue" : "refuse",
      },
    });
  };
  if (configurations?.items.length === 0) return <NothingToRollOut />;
  return (
    <Page
      title="New rollout"
      sentence="Nothing is sent before you start it. Each wave is judged before the next one begins."
    >
      <form
        className="grid gap-x-10 gap-y-8 lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)]"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot !== undefined || create.isPending) return;
          if (preview?.everybody === true) setAsks(true);
          else start();
        }}
      >
        <div className="flex min-w-0 flex-col gap-7">
          <Section title="What">
            <WhatFields
              form={{ ...what, configuration: configuration?.id ?? "" }}
              configurations={configurations?.items ?? []}
              problem={"problem" in split ? split.problem : undefined}
              onChange={(part) => setWhat((now) => ({ ...now, ...part }))}
            />
          </Section>
          <Section
            title="To which agents"
            aside={
              preview === undefined ? null : (
                <span aria-live="polite">{counted(preview.agents, "agent")}</span>
              )
            }
          >
            <TextArea
              label="Selector"
              rows={2}
              spellCheck={false}
              maxLength={SELECTOR_CHARS_MAX}
              className="font-mono text-sm"
              hint="CEL over one agent: kind, site, name, id, version, os, labels."
              value={selector}
              onChange={(event) => setSelector(event.target.value)}
            />
            <div className="flex flex-wrap gap-x-3 gap-y-1 text-sm text-n8">
              For example:
              {EXAMPLES.map((example) => (
                <button
                  key={example}
                  type="button"
                  onClick={() => setSelector(example)}
                  className="rounded-sm text-left font-mono text-xs text-accent hover:underline"
                >
                  {example}
                </button>
              ))}
            </div>
          </Section>
          <Section title="In which waves">
            <WaveFields
              form={plan}
              problems={"problems" in read ? read.problems : {}}
              onChange={(part) => setPlan((now) => ({ ...now, ...part }))}
            />
          </Section>
          <Section title="When it goes on, and when it stops">
            <GateFields
              form={plan}
              problems={"problems" in read ? read.problems : {}}
              onChange={(part) => setPlan((now) => ({ ...now, ...part }))}
            />
          </Section>
          <FurtherFields
            form={plan}
            problems={"problems" in read ? read.problems : {}}
            onChange={(part) => setPlan((now) => ({ ...now, ...part }))}
          />
        </div>
        <div aria-label="What it would do" role="region" className="flex min-w-0 flex-col gap-4">
          {error === null ? null : <Problem error={error} />}
          {preview === undefined ? (
            error === null && target !== undefined ? (
              <div className="late">
                <Rows count={6} />
              </div>
            ) : null
          ) : (
            <div className={isCurrent ? "" : "opacity-60"}>
              <Preview preview={preview} />
            </div>
          )}
        </div>
        <div className="sticky bottom-0 -mx-6 flex flex-col gap-2 border-t border-n4 bg-n0 px-6 py-3 max-md:-mx-4 max-md:px-4 lg:col-span-2">
          {create.error === null ? null : <Problem error={create.error} />}
          <div className="flex flex-wrap items-center justify-end gap-x-4 gap-y-2">
            {hasOverlap ? (
              <Check checked={queues} onChange={setQueues}>
                Let it wait for the other rollout
              </Check>
            ) : null}
            {preview?.everybody === true ? (
              <Check checked={means} onChange={setMeans}>
                I mean every agent there is: {counted(preview.agents, "agent")}
              </Check>
            ) : null}
            <div className="flex gap-2">
              <Button onClick={() => void navigate(paths.rollouts())}>Cancel</Button>
              <Button type="submit" look="primary" busy={create.isPending} whyNot={whyNot}>
                {preview === undefined
                  ? "Start"
                  : `Start with ${counted(preview.waves[0]?.agents ?? 0, "agent")}`}
              </Button>
            </div>
          </div>
        </div>
      </form>
      {asks && preview !== undefined && configuration !== undefined ? (
        <EverybodyDialog
          name={configuration.name}
          agents={preview.agents}
          busy={create.isPending}
          error={create.error}
          onConfirm={start}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </Page>
  );
}

function splitOf({ baseline, percent }: WhatForm) {
  if (baseline === "") return { split: null };
  const share = numberIn(percent, { min: 1, max: 99, unit: "%" });
  if (typeof share !== "number")
    return { problem: share?.problem ?? "Say how many percent get the version." };
  return { split: { baseline_version: Number(baseline), percent: share } };
}

function NothingToRollOut() {
  return (
    <Page title="New rollout">
      <Empty
        action={
          <Link {...paths.newConfiguration()} className={buttonClass("primary")}>
            Write the first configuration
          </Link>
        }
      >
        There is no configuration yet that could be rolled out. Write one, or import what one of your
        Collectors runs.
      </Empty>
    </Page>
  );
}
