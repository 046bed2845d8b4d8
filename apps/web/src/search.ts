/** Search parameters: plain text in the address bar, typed values in the pages. What does not parse is left out. */
import {
  AGENT_KINDS,
  AGENT_SORTS,
  AGENT_STATES,
  CATEGORIES,
  INCIDENT_STATES,
  ROLLOUT_AGENT_STATES,
  ROLLOUT_REASONS,
  ROLLOUT_STATES,
  RUN_STATES,
  SEVERITIES,
  SIGNALS,
  type Agent,
  type AgentState,
  type RolloutAgentState,
  type RolloutReason,
  type RolloutState,
  type RunState,
} from "@flowplane/contract";

export type AgentSort = (typeof AGENT_SORTS)[number];
export const ADD_PLATFORMS = ["linux", "docker", "kubernetes", "collector"] as const;
export type AddPlatform = (typeof ADD_PLATFORMS)[number];

export const INCIDENT_SCOPES = [...INCIDENT_STATES, "all"] as const;
export const INCIDENT_CATEGORIES = [...CATEGORIES, "failed_stop"] as const;

export const TELEMETRY_RANGES = ["1h", "6h", "24h", "7d"] as const;

type Raw = Record<string, unknown>;

export interface FrameSearch {
  /** The "Add agent" dialog, open on this platform. */
  add?: AddPlatform | undefined;
  /** The "Launch a run" dialog: an agent's id, or "any". */
  launch?: string | undefined;
  /** The run whose command the launch dialog begins with. */
  like?: string | undefined;
}
export interface AgentsSearch {
  q?: string | undefined;
  kind?: Agent["kind"] | undefined;
  state?: AgentState | undefined;
  site_id?: string | undefined;
  sort?: AgentSort | undefined;
  order?: "asc" | "desc" | undefined;
}
export interface RunsSearch {
  q?: string | undefined;
  state?: RunState | undefined;
  active?: "true" | "false" | undefined;
  agent_id?: string | undefined;
  job_id?: string | undefined;
  /** One row a job instead of one a run. */
  group?: "job" | undefined;
}
export interface RunSearch {
  line?: number | undefined;
  find?: string | undefined;
  /** What a narrow screen shows instead of the log. */
  view?: "details" | undefined;
  /** Lines as they are, or counted by pattern. */
  log?: "patterns" | undefined;
}
export interface IncidentsSearch {
  /** Open ones, unless said otherwise. */
  state?: (typeof INCIDENT_SCOPES)[number] | undefined;
  category?: (typeof INCIDENT_CATEGORIES)[number] | undefined;
  severity?: (typeof SEVERITIES)[number] | undefined;
  site_id?: string | undefined;
  job_id?: string | undefined;
}
export interface JobsSearch {
  q?: string | undefined;
  archived?: "true" | undefined;
}
export interface PolicySearch {
  /** The version to look at, or to begin a new one with. */
  version?: number | undefined;
  /** The comparison that is shown. */
  comparison?: string | undefined;
  /** Which suggestion a new version begins with, counted from 1. */
  suggestion?: number | undefined;
}
export interface PackagesSearch {
  readonly q?: string | undefined;
}
export interface ConfigurationsSearch {
  q?: string | undefined;
}
export interface NewConfigurationSearch {
  /** The agent whose effective configuration it begins with. */
  agent_id?: string | undefined;
}
export interface ConfigurationSearch {
  /** The version to look at, or to begin a draft with. */
  version?: number | undefined;
  /** The older version it is compared with. */
  from?: number | undefined;
  /** The line the editor stands at. */
  line?: number | undefined;
  /** The overlay that is written in; without one it is the base. */
  overlay?: string | undefined;
  /** For whom it is composed. */
  agent_id?: string | undefined;
  site_id?: string | undefined;
}
export interface RolloutsSearch {
  state?: RolloutState | undefined;
  configuration_id?: string | undefined;
}
export const ROLLOUT_VIEWS = ["comparison", "details"] as const;
export interface RolloutSearch {
  state?: RolloutAgentState | undefined;
  /** Counted from 1, as the page does. */
  wave?: number | undefined;
  reason_code?: RolloutReason | undefined;
  /** Instead of the agents: the comparison, or, on a narrow screen, what else is known. */
  view?: (typeof ROLLOUT_VIEWS)[number] | undefined;
  /** The telemetry that is compared. */
  signal?: (typeof SIGNALS)[number] | undefined;
}
export interface TelemetrySearch {
  range?: (typeof TELEMETRY_RANGES)[number] | undefined;
  signal?: (typeof SIGNALS)[number] | undefined;
  /** Of the agent's own traces the one that is open. */
  trace?: string | undefined;
}
export interface NewRolloutSearch {
  configuration_id?: string | undefined;
  version?: number | undefined;
  selector?: string | undefined;
}
export interface AuditSearch {
  action?: string | undefined;
  actor_id?: string | undefined;
  target_id?: string | undefined;
}

export function frameSearch(raw: Raw): FrameSearch {
  return kept({ add: oneOf(raw.add, ADD_PLATFORMS), launch: text(raw.launch), like: text(raw.like) });
}

export function agentsSearch(raw: Raw): AgentsSearch {
  return kept({
    q: text(raw.q),
    kind: oneOf(raw.kind, AGENT_KINDS),
    state: oneOf(raw.state, AGENT_STATES),
    site_id: text(raw.site_id),
    sort: oneOf(raw.sort, AGENT_SORTS),
    order: oneOf(raw.order, ["asc", "desc"]),
  });
}

export function runsSearch(raw: Raw): RunsSearch {
  return kept({
    q: text(raw.q),
    state: oneOf(raw.state, RUN_STATES),
    active: oneOf(raw.active, ["true", "false"]),
    agent_id: text(raw.agent_id),
    job_id: text(raw.job_id),
    group: oneOf(raw.group, ["job"]),
  });
}

export function runSearch(raw: Raw): RunSearch {
  return kept({
    line: count(raw.line),
    find: text(raw.find),
    view: oneOf(raw.view, ["details"]),
    log: oneOf(raw.log, ["patterns"]),
  });
}

export function incidentsSearch(raw: Raw): IncidentsSearch {
  return kept({
    state: oneOf(raw.state, INCIDENT_SCOPES),
    category: oneOf(raw.category, INCIDENT_CATEGORIES),
    severity: oneOf(raw.severity, SEVERITIES),
    site_id: text(raw.site_id),
    job_id: text(raw.job_id),
  });
}

export function jobsSearch(raw: Raw): JobsSearch {
  return kept({ q: text(raw.q), archived: oneOf(raw.archived, ["true"]) });
}

export function policySearch(raw: Raw): PolicySearch {
  return kept({
    version: count(raw.version),
    comparison: text(raw.comparison),
    suggestion: count(raw.suggestion),
  });
}

export function configurationsSearch(raw: Raw): ConfigurationsSearch {
  return kept({ q: text(raw.q) });
}

export function packagesSearch(raw: Raw): PackagesSearch {
  return kept({ q: text(raw.q) });
}

export function newConfigurationSearch(raw: Raw): NewConfigurationSearch {
  return kept({ agent_id: text(raw.agent_id) });
}

export function configurationSearch(raw: Raw): ConfigurationSearch {
  return kept({
    version: count(raw.version),
    from: count(raw.from),
    line: count(raw.line),
    overlay: text(raw.overlay),
    agent_id: text(raw.agent_id),
    site_id: text(raw.site_id),
  });
}

export function rolloutsSearch(raw: Raw): RolloutsSearch {
  return kept({ state: oneOf(raw.state, ROLLOUT_STATES), configuration_id: text(raw.configuration_id) });
}

export function rolloutSearch(raw: Raw): RolloutSearch {
  return kept({
    state: oneOf(raw.state, ROLLOUT_AGENT_STATES),
    wave: count(raw.wave),
    reason_code: oneOf(raw.reason_code, ROLLOUT_REASONS),
    view: oneOf(raw.view, ROLLOUT_VIEWS),
    signal: oneOf(raw.signal, SIGNALS),
  });
}

export function telemetrySearch(raw: Raw): TelemetrySearch {
  return kept({
    range: oneOf(raw.range, TELEMETRY_RANGES),
    signal: oneOf(raw.signal, SIGNALS),
    trace: text(raw.trace),
  });
}

export function newRolloutSearch(raw: Raw): NewRolloutSearch {
  return kept({
    configuration_id: text(raw.configuration_id),
    version: count(raw.version),
    selector: text(raw.selector),
  });
}

export function auditSearch(raw: Raw): AuditSearch {
  return kept({ action: text(raw.action), actor_id: text(raw.actor_id), target_id: text(raw.target_id) });
}

/** Parameters as the address bar shows them, so that a URL can be read and typed. */
export function parseSearch(search: string): Raw {
  return Object.fromEntries(new URLSearchParams(search));
}

export function stringifySearch(search: Raw): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== "")
      parameters.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

function count(value: unknown): number | undefined {
  const number = Number(value);
  return Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

function kept<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}
