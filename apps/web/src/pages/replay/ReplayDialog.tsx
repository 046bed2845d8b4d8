import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { ReplayResult } from "@flowplane/contract";
import { q, useApi } from "../../api/query.ts";
import { ACTION_WORD, CATEGORY_WORD } from "../../api/states.ts";
import { absoluteTime } from "../../lib/time.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { SelectField } from "../../ui/Field.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Problem } from "../../ui/Problem.tsx";
import { Scrolls } from "../../ui/Scrolls.tsx";
import { StateShape } from "../../ui/StateMark.tsx";

const POLICIES_MAX = 200;

/** Repeats every decision of a run from its evidence: as it was, or under another policy. */
export function ReplayDialog({ run, onClose }: { run: { id: string; name: string }; onClose: () => void }) {
  const [policyId, setPolicyId] = useState("");
  const policies = useQuery(q("policyList", { query: { limit: POLICIES_MAX } })).data?.items ?? [];
  const replay = useApi("runReplay");
  return (
    <Dialog
      wide
      title={`Replay ${run.name}`}
      description="Every decision is made again from the stored evidence. As it was, it must come out byte for byte; under another policy it shows what would have happened."
      onClose={onClose}
    >
      <form
        className="flex flex-wrap items-end gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          replay.mutate({
            params: { run_id: run.id },
            body: policyId === "" ? {} : { policy: { policy_id: policyId } },
          });
        }}
      >
        <div className="min-w-48 flex-1">
          <SelectField label="Under" value={policyId} onChange={(event) => setPolicyId(event.target.value)}>
            <option value="">the policy it ran with</option>
            {policies.map((policy) => (
              <option key={policy.id} value={policy.id}>
                {policy.name} v{policy.current_version}, {policy.current.mode}
              </option>
            ))}
          </SelectField>
        </div>
        <Button type="submit" look="primary" busy={replay.isPending}>
          {replay.isPending ? "Replaying…" : "Replay"}
        </Button>
      </form>
      {replay.error === null ? null : <Problem error={replay.error} />}
      {replay.data === undefined ? null : <Result result={replay.data} />}
      <DialogActions>
        <Button onClick={onClose}>Done</Button>
      </DialogActions>
    </Dialog>
  );
}

function Result({ result }: { result: ReplayResult }) {
  const tone = !result.intact || result.equal === false ? "bad" : result.equal === true ? "ok" : "busy";
  return (
    <div role="status" className="flex flex-col gap-3">
      <p className="flex items-baseline gap-2">
        <StateShape tone={tone} />
        <span>
          <strong className="font-semibold">{headOf(result)}</strong> {result.sentence}
        </span>
      </p>
      {result.problem === null ? null : <p className="pl-[18px] text-n9">{result.problem}</p>}
      {result.decisions.length === 0 ? (
        <p className="text-n9">The detector decided nothing in {counted(result.events, "event")}.</p>
      ) : (
        <DecisionTable result={result} />
      )}
    </div>
  );
}

function headOf({ equal, intact }: ReplayResult): string {
  if (!intact) return "The evidence is not as the agent wrote it.";
  if (equal === null) return "Under another policy.";
  return equal ? "Equal." : "Not equal.";
}

function DecisionTable({ result }: { result: ReplayResult }) {
  return (
    <Scrolls label="Decisions">
      <table className="w-full text-left whitespace-nowrap">
        <thead className="text-sm text-n8">
          <tr className="h-8 border-b border-n4 [&>th]:px-3 [&>th]:font-normal">
            <th>When</th>
            <th>Line</th>
            <th>Decision</th>
            <th>Score</th>
            <th>Action</th>
            <th>In both</th>
          </tr>
        </thead>
        <tbody>
          {result.decisions.map((decision) => (
            <tr
              key={`${decision.at}${decision.line}${decision.kind}${decision.category}`}
              className="h-8 border-t border-n3 first:border-t-0 [&>td]:px-3"
            >
              <td className="text-n9">{absoluteTime(Date.parse(decision.at))}</td>
              <td>
                {decision.line < 1 ? (
                  "–"
                ) : (
                  <Link {...paths.run(result.run_id, { line: decision.line })} className={TEXT_LINK}>
                    {number(decision.line)}
                  </Link>
                )}
              </td>
              <td>
                {wordOf(CATEGORY_WORD, decision.category)}, {decision.kind}
              </td>
              <td className="text-right">{decision.score}</td>
              <td className="text-n9">
                {decision.action === null
                  ? "–"
                  : `${wordOf(ACTION_WORD, decision.action)}${decision.outcome === null ? "" : `, ${decision.outcome}`}`}
              </td>
              <td className={decision.recorded && decision.replayed ? "text-n9" : "text-bad"}>
                {decision.recorded ? (decision.replayed ? "yes" : "recorded only") : "replayed only"}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
}

/** The word of a name that a newer control plane may have more of. */
function wordOf(words: Readonly<Record<string, string>>, name: string): string {
  return words[name] ?? name.replaceAll("_", " ");
}
