import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactNode } from "react";
import type { Agent } from "@flowplane/contract";
import { problemText } from "../../api/problem.ts";
import { queryClient } from "../../api/query.ts";
import { runBulk, type BulkState } from "../../lib/bulk.ts";
import { counted, number } from "../../lib/units.ts";
import type { Selection } from "../../list/selection.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { whatItTouches } from "./bulkWords.ts";
import { readChosen, type AgentFilterSearch } from "./chosenAgents.ts";

interface BulkDialogProps {
  readonly title: string;
  readonly selection: Selection<Agent>;
  readonly filter: AgentFilterSearch;
  /** What happens to each of them, behind "340 agents in 3 sites". */
  readonly consequence: ReactNode;
  readonly action: string;
  readonly danger?: boolean;
  readonly whyNot: string | undefined;
  /** The fields of the action; told how many it is about. */
  readonly fields: (agents: readonly Agent[]) => ReactNode;
  readonly act: (agent: Agent) => Promise<unknown>;
  readonly onClose: () => void;
}

const FAILURES_SHOWN_MAX = 50;

/** One action over many agents: whom it touches, then how far it is, then what failed. */
export function BulkDialog(props: BulkDialogProps) {
  const {
    title,
    selection,
    filter,
    consequence,
    action,
    danger = false,
    whyNot,
    fields,
    act,
    onClose,
  } = props;
  const chosen = useQuery({
    queryKey: ["chosenAgents", filter, selection.kind, [...chosenIds(selection)]],
    queryFn: ({ signal }) => readChosen(selection, filter, signal),
    staleTime: Infinity,
    gcTime: 0,
    retry: false,
  });
  const [state, setState] = useState<BulkState<Agent>>();
  const [isRunning, setIsRunning] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => () => stop.current.abort(), []);
  const run = async (agents: readonly Agent[]) => {
    stop.current = new AbortController();
    setIsRunning(true);
    setState({ total: agents.length, done: 0, failures: [] });
    await runBulk(agents, act, { signal: stop.current.signal, onProgress: setState });
    setIsRunning(false);
    await queryClient.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "chosenAgents" });
  };
  const agents = chosen.data;
  return (
    <Dialog title={title} onClose={onClose}>
      {chosen.error !== null ? (
        <Problem error={chosen.error} />
      ) : agents === undefined ? (
        <div className="late">
          <Rows count={3} />
        </div>
      ) : state === undefined ? (
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            if (whyNot === undefined && agents.length > 0) void run(agents);
          }}
        >
          <p className="text-n9">
            <strong className="font-semibold text-n10">{whatItTouches(agents)}.</strong> {consequence}
          </p>
          {fields(agents)}
          <DialogActions>
            <Button onClick={onClose}>Cancel</Button>
            <Button type="submit" look={danger ? "danger" : "primary"} whyNot={whyNot}>
              {action} {counted(agents.length, "agent")}
            </Button>
          </DialogActions>
        </form>
      ) : (
        <Progress
          state={state}
          isRunning={isRunning}
          onStop={() => stop.current.abort()}
          onRetry={() => void run(state.failures.map(({ item }) => item))}
          onClose={onClose}
        />
      )}
    </Dialog>
  );
}

function chosenIds(selection: Selection<Agent>): Iterable<string> {
  return selection.kind === "rows" ? selection.rows.keys() : selection.without.keys();
}

function Progress({
  state: { total, done, failures },
  isRunning,
  onStop,
  onRetry,
  onClose,
}: {
  state: BulkState<Agent>;
  isRunning: boolean;
  onStop: () => void;
  onRetry: () => void;
  onClose: () => void;
}) {
  const untouched = total - done;
  return (
    <div className="flex flex-col gap-3">
      <p role="status">
        {isRunning
          ? `${number(done)} of ${counted(total, "agent")}. Keep this page open: it sends each request itself.`
          : `${counted(done - failures.length, "agent")} done, ${number(failures.length)} failed${untouched > 0 ? `, ${number(untouched)} not touched` : ""}.`}
      </p>
      <progress
        aria-label="Agents done"
        max={total}
        value={done}
        className="h-1.5 w-full overflow-hidden rounded-full accent-accent"
      />
      {failures.length === 0 ? null : (
        <ul aria-label="What failed" className="max-h-60 overflow-y-auto rounded-md border border-n4">
          {failures.slice(0, FAILURES_SHOWN_MAX).map(({ item, error }) => (
            <li key={item.id} className="border-b border-n3 px-3 py-1.5 last:border-b-0">
              <span className="font-medium">{item.name}</span>{" "}
              <span className="text-n9">{problemText(error).sentence}</span>
            </li>
          ))}
          {failures.length > FAILURES_SHOWN_MAX ? (
            <li className="px-3 py-1.5 text-n8">and {number(failures.length - FAILURES_SHOWN_MAX)} more</li>
          ) : null}
        </ul>
      )}
      <DialogActions>
        {isRunning ? (
          <Button onClick={onStop}>Stop here</Button>
        ) : (
          <>
            {failures.length === 0 ? null : <Button onClick={onRetry}>Try the failed ones again</Button>}
            <Button look="primary" onClick={onClose}>
              Done
            </Button>
          </>
        )}
      </DialogActions>
    </div>
  );
}
