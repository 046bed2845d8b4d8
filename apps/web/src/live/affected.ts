import type { ChangeNotice } from "@flowplane/contract";

type Key = readonly unknown[];

const OF_ONE_AGENT: ReadonlySet<string> = new Set([
  "agentRead",
  "agentConnectionRead",
  "agentWire",
  "agentConfiguration",
  "agentHealthHistory",
]);

/** Answers about a text that is asked with, whatever is saved. */
const OF_A_TEXT: ReadonlySet<string> = new Set([
  "configurationCheck",
  "configurationPreview",
  "configurationOverlayMatches",
]);

/**
 * Whether an answer read under `key` may differ after this change. Lists kept by `useLiveList` (third part "pages") are
 * left out: they bring themselves up to date without moving rows under the reader.
 */
export function isAffected(key: Key, notice: ChangeNotice): boolean {
  const [name, input, form] = key as [string, { params?: Record<string, string> } | undefined, unknown];
  if (form === "pages") return false;
  const params = input?.params ?? {};
  switch (notice.topic) {
    case "agent":
      return (
        (OF_ONE_AGENT.has(name) && params.agent_id === notice.id) ||
        name === "agentFacets" ||
        name === "agentList" ||
        name === "siteList" ||
        name === "overview"
      );
    case "run":
      return (name === "runRead" && params.run_id === notice.id) || name === "runList" || name === "overview";
    case "run_event":
      return name === "runEvents" && params.run_id === (notice.parent_id ?? notice.id);
    case "enrolment_token": {
      const token = notice.parent_id ?? notice.id;
      return (
        ((name === "enrolmentTokenRead" || name === "enrolmentAttemptList") &&
          (params.token_id === token || params.token_id === notice.id)) ||
        name === "overview"
      );
    }
    case "site":
      return name === "siteList";
    case "bearer":
      return name === "bearerList";
    case "member":
      return name === "memberList" || name === "me";
    case "api_token":
      return name === "apiTokenList";
    case "job":
      return (
        (name === "jobRead" && params.job_id === notice.id) ||
        name === "jobList" ||
        name === "scheduleCalendar"
      );
    case "incident":
      return (
        (name === "incidentRead" && params.incident_id === notice.id) ||
        name === "incidentList" ||
        name === "overview"
      );
    case "policy":
      return name.startsWith("policy") && (params.policy_id ?? notice.id) === notice.id;
    case "policy_comparison":
      return name === "policyComparisonRead" && params.comparison_id === notice.id;
    case "secret":
      return name === "secretList";
    case "configuration":
      return (
        name.startsWith("configuration") &&
        !OF_A_TEXT.has(name) &&
        (params.configuration_id ?? notice.id) === notice.id
      );
    case "package":
      return (
        name === "agentPackages" ||
        name === "packageList" ||
        (name.startsWith("package") && (params.package_id ?? notice.id) === notice.id)
      );
    case "rollout":
      return (
        (name.startsWith("rollout") &&
          name !== "rolloutPreview" &&
          // Read again by the clock: it is dear, and its telemetry follows minutes later than the agents' states.
          name !== "rolloutComparison" &&
          (params.rollout_id ?? notice.id) === notice.id) ||
        name === "configurationPlaces" ||
        name === "overview"
      );
    case "audit":
      return false;
  }
}

/** The list a topic's notices are about. */
export const LIST_TOPIC = {
  agentList: "agent",
  runList: "run",
  jobList: "job",
  incidentList: "incident",
  policyList: "policy",
  configurationList: "configuration",
  packageList: "package",
  rolloutList: "rollout",
  rolloutAgents: "rollout",
  secretList: "secret",
  enrolmentTokenList: "enrolment_token",
  bearerList: "bearer",
  memberList: "member",
  apiTokenList: "api_token",
  auditList: "audit",
} as const satisfies Record<string, ChangeNotice["topic"]>;
export type LiveListName = keyof typeof LIST_TOPIC;
