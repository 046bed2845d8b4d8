import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { AgentDetail, EnrolmentAttempt } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { KIND_WORD } from "../../api/states.ts";
import { useNow } from "../../lib/now.ts";
import { duration } from "../../lib/time.ts";
import { paths } from "../../paths.ts";
import type { AddPlatform } from "../../search.ts";
import { Button, buttonClass } from "../../ui/Button.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import type { CreatedToken } from "./created-token.ts";

const HELP_AFTER_MS = 60_000;
/** Notices bring news at once; this only covers a live connection that is down or paused. */
const LOOK_EVERY_MS = 5_000;
const SHOWN_MAX = 8;

interface ListeningProps {
  readonly created: CreatedToken;
  readonly platform: AddPlatform;
  readonly onAnew: () => void;
  readonly onClose: () => void;
}

/** What the control plane sees of the token, from nothing to the agent's name. */
export function Listening({ created, platform, onAnew, onClose }: ListeningProps) {
  const [since] = useState(() => Date.now());
  const now = useNow();
  const { data, error } = useQuery({
    ...q("enrolmentAttemptList", { params: { token_id: created.token.id }, query: { limit: 50 } }),
    refetchInterval: LOOK_EVERY_MS,
  });
  const attempts = data?.items ?? [];
  const arrived = arrivedAgents(attempts);
  const refused = attempts.filter(({ outcome }) => outcome === "refused");
  const waits = now - since;
  return (
    <div role="status" className="flex flex-col gap-3 border-t border-n4 pt-4">
      {arrived.slice(0, SHOWN_MAX).map((attempt) => (
        <Arrival
          key={attempt.agent_id}
          attempt={attempt}
          agentId={attempt.agent_id ?? ""}
          onClose={onClose}
        />
      ))}
      {arrived.length > SHOWN_MAX ? (
        <Link {...paths.agents({ sort: "created_at", order: "desc" })} className="pl-[18px] text-accent">
          and {arrived.length - SHOWN_MAX} more
        </Link>
      ) : null}
      {error === null ? null : <Problem error={error} />}
      {refused[0] === undefined || arrived.length > 0 ? null : (
        <Refusal attempt={refused[0]} count={refused.length} onAnew={onAnew} />
      )}
      {arrived.length === 0 || created.token.uses_max !== 1 ? (
        <p className="flex items-center gap-2 text-n9">
          <StateShape tone="busy" className="animate-skeleton" />
          Listening{waits >= 10_000 ? ` for ${duration(Math.floor(waits / 1_000) * 1_000)}` : ""}…
        </p>
      ) : null}
      {waits > HELP_AFTER_MS && attempts.length === 0 ? (
        <NothingYet created={created} platform={platform} />
      ) : null}
    </div>
  );
}

/** The newest attempt of each agent that got in or waits. */
function arrivedAgents(attempts: readonly EnrolmentAttempt[]): EnrolmentAttempt[] {
  const seen = new Set<string>();
  return attempts.filter(({ agent_id, outcome }) => {
    if (agent_id === null || outcome === "refused" || seen.has(agent_id)) return false;
    seen.add(agent_id);
    return true;
  });
}

function Arrival({
  attempt,
  agentId,
  onClose,
}: {
  attempt: EnrolmentAttempt;
  agentId: string;
  onClose: () => void;
}) {
  const agent = useQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const mayNot = useMayNot("agent:write");
  const approve = useApi("agentApprove");
  const isPending = agent === undefined ? attempt.outcome === "pending" : agent.state === "pending";
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <StateShape tone={isPending ? "attention" : agent?.state === "connected" ? "ok" : "busy"} />
      <div className="min-w-0 flex-1">
        <p className="font-medium">{agent?.hostname ?? attempt.hostname ?? agent?.name ?? "An agent"}</p>
        <p className="text-n9">{agent === undefined ? attempt.detail : arrivalText(agent)}</p>
      </div>
      {isPending ? (
        <Button
          look="primary"
          busy={approve.isPending}
          whyNot={mayNot}
          onClick={() => approve.mutate({ params: { agent_id: agentId } })}
        >
          Approve
        </Button>
      ) : null}
      <Link {...paths.agent(agentId)} onClick={onClose} className={buttonClass("plain")}>
        Open
      </Link>
      {approve.error === null ? null : <Problem error={approve.error} />}
    </div>
  );
}

function arrivalText(agent: AgentDetail): string {
  const state =
    agent.state === "pending"
      ? "waits for approval"
      : agent.state === "connected"
        ? "connected"
        : "enrolled; its connection is awaited";
  return [state, KIND_WORD[agent.kind], agent.os, agent.version].filter((part) => part !== null).join(" · ");
}

function Refusal({
  attempt,
  count,
  onAnew,
}: {
  attempt: EnrolmentAttempt;
  count: number;
  onAnew: () => void;
}) {
  return (
    <div className="flex flex-wrap items-center gap-3 rounded-md bg-bad-soft px-3 py-2">
      <StateShape tone="bad" />
      <p className="min-w-0 flex-1">
        Refused <Time at={attempt.at} />
        {attempt.remote_address === null ? "" : `, from ${attempt.remote_address}`}
        {count > 1 ? ` (${count} times)` : ""}: {attempt.detail}
      </p>
      <Button onClick={onAnew}>Make a new one</Button>
    </div>
  );
}

function NothingYet({ created, platform }: { created: CreatedToken; platform: AddPlatform }) {
  const address = platform === "collector" ? created.opamp_url : created.agents_url;
  const host = URL.canParse(address) ? new URL(address).host : address;
  return (
    <div className="flex flex-col gap-2 rounded-md bg-attention-soft px-3 py-2">
      <p className="flex items-baseline gap-2">
        <StateShape tone="attention" />
        <span>
          The control plane has not seen this token yet: no connection arrived, not even a refused one.
        </span>
      </p>
      <ul className="list-disc pl-9 text-n9">
        <li>Did the command end with an error? Its last line says what to do.</li>
        <li>
          Can the machine reach <code className="font-mono text-sm break-all">{host}</code>? Try{" "}
          <code className="font-mono text-sm break-all">nc -vz {host.replace(":", " ")}</code> there; a
          firewall may refuse outgoing connections.
        </li>
        {platform === "collector" ? (
          <li>Is the opamp extension part of this distribution, and listed under service.extensions?</li>
        ) : null}
      </ul>
    </div>
  );
}
