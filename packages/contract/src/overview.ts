import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Timestamp } from "./common.ts";
import { AgentState } from "./agents.ts";
import { RunState } from "./runs.ts";

const tag = "Overview";

/** Something that waits for a person. */
export const Need = z.object({
  kind: z.enum([
    "agent_pending",
    "agent_offline",
    "agent_unhealthy",
    "certificate_expiring",
    "token_expiring",
    "run_failed_stop",
    "incident",
    "detection_fallback",
    "rollout_paused",
    "rollout_approval",
    "rollout_rolled_back",
  ]),
  severity: z.enum(["bad", "attention"]),
  title: z.string(),
  since: Timestamp,
  /** Where it leads in the dashboard: the resource and its id; of `agents`, many alike, the query that finds them. */
  resource: z.enum(["agent", "agents", "run", "enrolment_token", "incident", "site", "rollout"]),
  id: z.string(),
});
export type Need = z.output<typeof Need>;

export const Overview = z.object({
  sentence: z.string(),
  needs: z.array(Need),
  agents: z.array(z.object({ state: AgentState, count: z.number().int() })),
  /** One bucket an hour over the last 24 hours, oldest first: runs by the state they are in now. */
  runs: z.array(z.object({ hour: Timestamp, states: z.partialRecord(RunState, z.number().int()) })),
  runs_active: z.number().int(),
  checklist: z.object({ agent_enrolled: z.boolean(), first_run: z.boolean(), first_collector: z.boolean() }),
});
export type Overview = z.output<typeof Overview>;

/** What the change stream carries: enough to know what to read again, never the data itself. */
export const ChangeNotice = z.object({
  topic: z.enum([
    "agent",
    "run",
    "run_event",
    "job",
    "incident",
    "policy",
    "policy_comparison",
    "secret",
    "configuration",
    "package",
    "rollout",
    "enrolment_token",
    "bearer",
    "member",
    "api_token",
    "site",
    "audit",
  ]),
  id: z.string(),
  /** Present where one id says too little (a run's event names its run). */
  parent_id: z.string().optional(),
});
export type ChangeNotice = z.output<typeof ChangeNotice>;

export const overviewApi = {
  overview: endpoint({
    method: "GET",
    path: "/overview",
    tag,
    summary: "What needs somebody now, what is happening",
    access: "organization:read",
    response: Overview,
  }),
  changeStream: endpoint({
    method: "GET",
    path: "/events/stream",
    tag,
    summary:
      "Live changes (SSE): event `change` {topic, id}; resumable by Last-Event-ID; event `reset` when too much was missed",
    access: "organization:read",
    stream: "sse",
  }),
} as const;
