import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { PolicyComparison } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { numberIn } from "../../lib/numberIn.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { SelectField, TextField } from "../../ui/Field.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { ComparedRuns } from "./ComparedRuns.tsx";
import { ComparisonFigures } from "./ComparisonFigures.tsx";

const VERSIONS_MAX = 200;
const ASK_AGAIN_MS = 1_000;

/** Before a policy is enforced: which past runs it would have stopped, when, what that would have saved and cost. */
export default function PolicyCompare() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId" });
  const { comparison } = useSearch({ from: "/frame/policies/$policyId" });
  return (
    <TabPage>
      <StartComparison policyId={policyId} />
      {comparison === undefined ? (
        <p className="max-w-[80ch] text-n9">
          Choose two versions. The runs of the last days are replayed under both, from their stored evidence;
          nothing is touched.
        </p>
      ) : (
        <Comparison policyId={policyId} comparisonId={comparison} />
      )}
    </TabPage>
  );
}

function StartComparison({ policyId }: { policyId: string }) {
  const navigate = useNavigate();
  const mayNot = useMayNot("policy:write");
  const params = { policy_id: policyId };
  const policy = useSuspenseQuery(q("policyRead", { params })).data;
  const versions =
    useQuery(q("policyVersionList", { params, query: { limit: VERSIONS_MAX } })).data?.items ?? [];
  const [form, setForm] = useState({ candidate: "", base: "", days: "14" });
  const set = (part: Partial<typeof form>) => setForm((now) => ({ ...now, ...part }));
  const current = policy.current_version;
  const candidate = form.candidate === "" ? String(current) : form.candidate;
  const base = form.base === "" ? String(Math.max(1, current - 1)) : form.base;
  const days = numberIn(form.days, { min: 1, max: 90, unit: "days" });
  const daysProblem = typeof days === "object" ? days.problem : undefined;
  const start = useApi("policyCompare", {
    onSuccess: (made) =>
      void navigate({ ...paths.policyTab(policyId, "compare", { comparison: made.id }), replace: true }),
  });
  const whyNot =
    mayNot ??
    daysProblem ??
    (candidate === base ? "They are the same version: choose two different ones." : undefined);
  const options = versions.map(({ version, message, document }) => (
    <option key={version} value={version}>
      v{version}, {document.mode}: {message.slice(0, 60)}
    </option>
  ));
  return (
    <form
      className="flex flex-wrap items-end gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (whyNot !== undefined || start.isPending) return;
        start.mutate({
          params,
          body: {
            candidate: { version: Number(candidate) },
            base_version: Number(base),
            days: typeof days === "number" ? Math.round(days) : 14,
          },
        });
      }}
    >
      <div className="min-w-40 flex-1">
        <SelectField
          label="Candidate"
          value={candidate}
          onChange={(event) => set({ candidate: event.target.value })}
        >
          {options}
        </SelectField>
      </div>
      <div className="min-w-40 flex-1">
        <SelectField
          label="Compared with"
          value={base}
          onChange={(event) => set({ base: event.target.value })}
        >
          {options}
        </SelectField>
      </div>
      <div className="w-28">
        <TextField
          label="Days back"
          inputMode="numeric"
          value={form.days}
          problem={daysProblem}
          onChange={(event) => set({ days: event.target.value })}
        />
      </div>
      <Button type="submit" look="primary" whyNot={whyNot} busy={start.isPending}>
        Compare
      </Button>
      {start.error === null ? null : (
        <div className="basis-full">
          <Problem error={start.error} />
        </div>
      )}
    </form>
  );
}

function Comparison({ policyId, comparisonId }: { policyId: string; comparisonId: string }) {
  const { data, error, refetch } = useQuery({
    ...q("policyComparisonRead", { params: { policy_id: policyId, comparison_id: comparisonId } }),
    // Its end is announced; how far it is, is not.
    refetchInterval: ({ state }) =>
      state.data?.state === "waiting" || state.data?.state === "running" ? ASK_AGAIN_MS : false,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return null;
  return (
    <section aria-label="Comparison" className="flex flex-col gap-5">
      <p className="text-n9">
        <strong className="font-semibold text-n10">{data.candidate.label}</strong> against{" "}
        <strong className="font-semibold text-n10">{data.base.label}</strong>, runs since{" "}
        <Time at={data.since} />.
      </p>
      {data.state === "failed" ? (
        <p role="alert" className="flex items-baseline gap-2">
          <StateShape tone="bad" />
          {data.error ?? "The comparison failed. Start it again."}
        </p>
      ) : null}
      {data.state === "waiting" || data.state === "running" ? <Progress comparison={data} /> : null}
      {data.summary === null ? null : (
        <>
          <p role="status" className="max-w-[90ch] text-lg">
            {data.summary.sentence}
          </p>
          <ComparisonFigures summary={data.summary} />
          {data.summary.not_replayable === 0 ? null : (
            <p className="text-sm text-n8">
              {counted(data.summary.not_replayable, "run")} could not be replayed, mostly because the evidence
              is gone.{" "}
              <Link {...paths.retention()} className={TEXT_LINK}>
                How long it is kept
              </Link>
            </p>
          )}
        </>
      )}
      {data.runs.length === 0 ? null : <ComparedRuns runs={data.runs} />}
    </section>
  );
}

function Progress({ comparison }: { comparison: PolicyComparison }) {
  const { done, total } = comparison.progress;
  return (
    <div className="flex max-w-[520px] flex-col gap-1">
      <progress
        aria-label="Runs replayed"
        value={done}
        max={Math.max(1, total)}
        className="h-2 w-full overflow-hidden rounded-sm bg-n3 [&::-moz-progress-bar]:bg-accent-fill [&::-webkit-progress-bar]:bg-n3 [&::-webkit-progress-value]:bg-accent-fill"
      />
      <p className="text-sm text-n8">
        {total === 0 ? "Waits for its turn." : `${number(done)} of ${counted(total, "run")} replayed.`}
      </p>
    </div>
  );
}
