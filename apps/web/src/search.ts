/** Search parameters: plain text in the address bar, typed values in the pages. What does not parse is left out. */
import {
  AGENT_KINDS,
  AGENT_STATES,
  RUN_STATES,
  type Agent,
  type AgentState,
  type RunState,
} from "@flowplane/contract";

export const AGENT_SORTS = ["name", "last_seen_at", "created_at", "version", "state"] as const;
export type AgentSort = (typeof AGENT_SORTS)[number];
export const ADD_PLATFORMS = ["linux", "docker", "kubernetes", "collector"] as const;
export type AddPlatform = (typeof ADD_PLATFORMS)[number];

type Raw = Record<string, unknown>;

export interface FrameSearch {
  /** The "Add agent" dialog, open on this platform. */
  add?: AddPlatform | undefined;
  /** The "Launch a run" dialog: an agent's id, or "any". */
  launch?: string | undefined;
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
}
export interface RunSearch {
  line?: number | undefined;
  find?: string | undefined;
  /** What a narrow screen shows instead of the log. */
  view?: "details" | undefined;
}
export interface AuditSearch {
  action?: string | undefined;
  actor_id?: string | undefined;
  target_id?: string | undefined;
}

export function frameSearch(raw: Raw): FrameSearch {
  return kept({ add: oneOf(raw.add, ADD_PLATFORMS), launch: text(raw.launch) });
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
  });
}

export function runSearch(raw: Raw): RunSearch {
  const line = Number(raw.line);
  return kept({
    line: Number.isSafeInteger(line) && line > 0 ? line : undefined,
    find: text(raw.find),
    view: oneOf(raw.view, ["details"]),
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

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

export function oneOf<const T extends string>(value: unknown, allowed: readonly T[]): T | undefined {
  return allowed.find((candidate) => candidate === value);
}

function kept<T extends object>(search: T): T {
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined)) as T;
}
