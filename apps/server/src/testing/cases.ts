import type { Api } from "@flowplane/contract";

/** Ids of one organization's things, for calls that name them. */
export interface Things {
  readonly agent_id: string;
  readonly run_id: string;
  readonly enrolment_token_id: string;
  readonly bearer_id: string;
  readonly api_token_id: string;
  readonly user_id: string;
  readonly site_id: string;
}

/** How an endpoint is called well. */
export interface Case {
  readonly params?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /**
   * Other ways to name somebody's things than by the path. In the body they must be as if they were not there; in the
   * query they only narrow a list.
   */
  readonly bodyIds?: Readonly<Record<string, string>>;
  readonly queryIds?: Readonly<Record<string, string>>;
}

/**
 * One good call of every endpoint. The type demands a line for each: a new endpoint does not compile before it has one,
 * and with it gets its authorization, isolation and bad-input tests.
 */
export function casesFor(things: Things): { readonly [K in keyof Api]: Case } {
  const agent = { params: { agent_id: things.agent_id } };
  const run = { params: { run_id: things.run_id } };
  const token = { params: { token_id: things.enrolment_token_id } };
  const reason = { body: { reason: "because a test says so" } };
  return {
    agentList: { queryIds: { site_id: things.site_id } },
    agentFacets: { queryIds: { site_id: things.site_id } },
    agentRead: agent,
    agentChange: { ...agent, body: { name: "renamed" } },
    agentApprove: agent,
    agentRevoke: { ...agent, ...reason },
    agentDelete: agent,
    agentRestart: { ...agent, ...reason },
    agentWire: agent,
    auditList: { queryIds: { target_id: things.agent_id, actor_id: things.user_id } },
    auditVerify: {},
    auditExport: {},
    enrolmentTokenList: {},
    enrolmentTokenRead: token,
    enrolmentTokenCreate: { body: { name: "token" }, bodyIds: { site_id: things.site_id } },
    enrolmentTokenRevoke: token,
    enrolmentAttemptList: token,
    bearerList: {},
    bearerCreate: { body: { name: "collector" }, bodyIds: { site_id: things.site_id } },
    bearerRevoke: { params: { bearer_id: things.bearer_id } },
    certificateAuthority: {},
    me: {},
    siteList: {},
    siteCreate: { body: { name: "site" } },
    memberList: {},
    memberInvite: { body: { email: "invited@example.com", role: "viewer" } },
    memberChange: { params: { user_id: things.user_id }, body: { role: "viewer" } },
    memberRemove: { params: { user_id: things.user_id } },
    signInLinkCreate: { body: { user_id: things.user_id }, bodyIds: { user_id: things.user_id } },
    apiTokenList: {},
    apiTokenCreate: { body: { name: "token", role: "viewer" } },
    apiTokenRevoke: { params: { token_id: things.api_token_id } },
    overview: {},
    changeStream: {},
    runCreate: {
      body: { command: "/bin/true", agent_id: things.agent_id },
      bodyIds: { agent_id: things.agent_id },
    },
    runList: { queryIds: { agent_id: things.agent_id } },
    runRead: run,
    runStop: { ...run, ...reason },
    runKill: { ...run, ...reason },
    runRestart: { ...run, ...reason },
    runEvents: run,
    runLogs: run,
    runLogSearch: { ...run, query: { q: "line" } },
    runLogStream: run,
    runLogDownload: run,
  };
}
