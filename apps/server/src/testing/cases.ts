import type { Api } from "@flowplane/contract";

/** Ids of one organization's things, for calls that name them. */
export interface Things {
  readonly agent_id: string;
  readonly gateway_id: string;
  /** What the gateway calls itself. */
  readonly instance_id: string;
  readonly run_id: string;
  readonly enrolment_token_id: string;
  readonly bearer_id: string;
  readonly api_token_id: string;
  readonly user_id: string;
  readonly site_id: string;
  readonly job_id: string;
  readonly incident_id: string;
  readonly policy_id: string;
  readonly comparison_id: string;
  readonly configuration_id: string;
  readonly rollout_id: string;
  readonly secret_name: string;
  readonly variable_name: string;
  readonly view_id: string;
  readonly package_id: string;
  readonly release_id: string;
  readonly release_file_id: string;
  /** Of the agent's own work: 32 characters of hex. */
  readonly trace_id: string;
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
  readonly bodyIds?: Readonly<Record<string, unknown>>;
  readonly queryIds?: Readonly<Record<string, string>>;
  /** The organization's own agent credential that is shown to an agent's endpoint. */
  readonly credential?: AgentCredential;
  /** It stores under the name in its path what nobody had there: a name of others is free for oneself. */
  readonly isNaming?: true;
}

export type AgentCredential = "enrolmentToken" | "bearer";

/** The least that a Collector takes. */
const COLLECTOR_CONFIG =
  "receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";

/**
 * One good call of every endpoint. The type demands a line for each: a new endpoint does not compile before it has one,
 * and with it gets its authorization, isolation and bad-input tests.
 */
export function casesFor(things: Things): { readonly [K in keyof Api]: Case } {
  const agent = { params: { agent_id: things.agent_id } };
  const run = { params: { run_id: things.run_id } };
  const token = { params: { token_id: things.enrolment_token_id } };
  const job = { params: { job_id: things.job_id } };
  const incident = { params: { incident_id: things.incident_id } };
  const configuration = { params: { configuration_id: things.configuration_id } };
  const rollout = { params: { rollout_id: things.rollout_id } };
  const policy = { params: { policy_id: things.policy_id } };
  const gateway = { params: { gateway_id: things.gateway_id } };
  const instance = { params: { instance_id: things.instance_id }, credential: "bearer" } as const;
  const ofPackage = { params: { package_id: things.package_id } };
  const release = { params: { ...ofPackage.params, release_id: things.release_id } };
  const reason = { body: { reason: "because a test says so" } };
  return {
    agentViewList: {},
    agentViewPut: { params: { view_id: things.view_id }, body: { name: "mine", search: { q: "prod" } } },
    agentViewDelete: { params: { view_id: things.view_id } },
    agentList: { queryIds: { site_id: things.site_id } },
    agentFacets: { queryIds: { site_id: things.site_id } },
    agentRead: agent,
    agentChange: { ...agent, body: { name: "renamed" } },
    agentConfiguration: agent,
    agentConfigurationRetry: { ...agent, ...reason },
    configurationPlaces: configuration,
    variableList: { queryIds: { site_id: things.site_id } },
    variablePut: {
      params: { variable_name: things.variable_name },
      body: { value: "value" },
      bodyIds: { site_id: things.site_id },
      isNaming: true,
    },
    variableDelete: { params: { variable_name: things.variable_name } },
    agentApprove: agent,
    agentRevoke: { ...agent, ...reason },
    agentDelete: agent,
    agentConnectionRead: agent,
    agentConnectionOffer: { ...agent, ...reason },
    agentConnectionWithdraw: agent,
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
    runFreeze: { ...run, ...reason },
    runResume: { ...run, ...reason },
    runSamples: run,
    runReplay: { ...run, body: {}, bodyIds: { policy: { policy_id: things.policy_id } } },
    runEvidenceDownload: run,
    logSearch: {
      query: { q: "line" },
      queryIds: { site_id: things.site_id, agent_id: things.agent_id, job_id: things.job_id },
    },
    jobCreate: { body: { name: "job", command: "/bin/true" }, bodyIds: { site_id: things.site_id } },
    jobList: {},
    jobRead: job,
    jobReplace: { ...job, body: { name: "job", command: "/bin/true" } },
    jobArchive: job,
    jobPause: { ...job, ...reason },
    jobResume: job,
    jobRun: { ...job, ...reason },
    schedulePreview: { body: { schedule_policy: { cron: "0 3 * * *" } } },
    scheduleCalendar: {},
    incidentList: {
      queryIds: {
        run_id: things.run_id,
        job_id: things.job_id,
        agent_id: things.agent_id,
        site_id: things.site_id,
      },
    },
    incidentRead: incident,
    incidentAcknowledge: incident,
    incidentClose: { ...incident, ...reason },
    incidentFeedback: { ...incident, body: { verdict: "right" } },
    policyList: {},
    policyCreate: { body: { name: "careful", document: {} } },
    policyRead: policy,
    policyChange: { ...policy, body: { name: "renamed" } },
    policyArchive: policy,
    policyVersionList: policy,
    policyVersionCreate: { ...policy, body: { document: {}, message: "because a test says so" } },
    policyCompare: { ...policy, body: { candidate: { version: 1 } } },
    policyComparisonRead: { params: { ...policy.params, comparison_id: things.comparison_id } },
    policySuggestions: policy,
    configurationList: {},
    configurationCreate: { body: { name: "edge", body: COLLECTOR_CONFIG } },
    configurationCheck: { body: { body: COLLECTOR_CONFIG } },
    configurationPreview: {
      body: { body: COLLECTOR_CONFIG, agent_id: things.agent_id },
      bodyIds: { agent_id: things.agent_id },
    },
    configurationImport: { body: { agent_id: things.agent_id }, bodyIds: { agent_id: things.agent_id } },
    configurationRead: configuration,
    configurationChange: { ...configuration, body: { name: "renamed" } },
    configurationArchive: configuration,
    configurationVersionList: configuration,
    configurationVersionCreate: {
      ...configuration,
      body: { body: COLLECTOR_CONFIG, message: "because a test says so" },
    },
    configurationVersionRead: { params: { ...configuration.params, version: "1" } },
    configurationDraftRead: configuration,
    configurationDraftPut: { ...configuration, body: { body: "unfinished: [", based_on: 1 } },
    configurationDraftDiscard: configuration,
    configurationOverlayMatches: {
      body: { overlays: [{ name: "all", selector: "true" }] },
      bodyIds: { site_id: things.site_id },
    },
    configurationDiff: { ...configuration, query: { from: "1", to: "1" } },
    packageList: {},
    packageCreate: { body: { name: "otelcol" } },
    packageRead: ofPackage,
    packageDelete: ofPackage,
    packagePlaces: ofPackage,
    releaseCreate: { ...ofPackage, body: { version: "9.9.9", message: "because a test says so" } },
    releaseFilePut: { ...release, query: { os: "linux", arch: "amd64" } },
    releaseFileSign: {
      params: { ...release.params, file_id: things.release_file_id },
      body: { signature: "c2lnbmVk" },
    },
    releasePublish: release,
    releaseDelete: release,
    packageSetsPut: {
      body: { agent_ids: [things.agent_id], release_ids: [], reason: "because a test says so" },
      bodyIds: { agent_ids: [things.agent_id], release_ids: [things.release_id] },
    },
    agentPackages: agent,
    agentPackagesPut: { ...agent, body: { release_ids: [], reason: "because a test says so" } },
    agentPackagesRetry: { ...agent, ...reason },
    agentPackagesWithdraw: agent,
    rolloutPreview: {
      body: { configuration_id: things.configuration_id, selector: "true" },
      bodyIds: { configuration_id: things.configuration_id },
    },
    rolloutCreate: {
      body: { configuration_id: things.configuration_id, selector: "true" },
      bodyIds: { configuration_id: things.configuration_id },
    },
    rolloutList: {
      queryIds: { configuration_id: things.configuration_id, agent_id: things.agent_id },
    },
    rolloutRead: rollout,
    rolloutAgents: rollout,
    rolloutSquares: rollout,
    rolloutFailures: rollout,
    rolloutComparison: rollout,
    rolloutPause: { ...rollout, ...reason },
    rolloutResume: { ...rollout, body: { retry_failed: false } },
    rolloutApprove: rollout,
    rolloutAbort: { ...rollout, ...reason },
    rolloutRollBack: { ...rollout, ...reason },
    registrationTokenCreate: { body: { name: "gateway" } },
    gatewayRegister: {
      body: { name: "gateway", instance_id: "gateway-1" },
      credential: "enrolmentToken",
    },
    gatewayHeartbeat: { ...instance, body: { config_version: 1 } },
    gatewayOwnConfig: instance,
    gatewayList: {},
    gatewayStatus: gateway,
    gatewayHealth: gateway,
    gatewayVersion: gateway,
    gatewayConfig: gateway,
    gatewayMetrics: gateway,
    agentThroughput: agent,
    agentOwnLogs: agent,
    agentOwnTraces: agent,
    agentOwnTraceRead: { params: { ...agent.params, trace_id: things.trace_id } },
    agentHealthHistory: agent,
    telemetryMetrics: { query: { agent_id: things.agent_id }, queryIds: { agent_id: things.agent_id } },
    telemetrySeries: {
      query: { agent_id: things.agent_id, name: "otelcol_process_uptime" },
      queryIds: { agent_id: things.agent_id },
    },
    fleetThroughput: { queryIds: { configuration_id: things.configuration_id } },
    ownTelemetryRead: {},
    ownTelemetryChange: { body: { traces: false } },
    secretList: {},
    secretPut: { params: { secret_name: things.secret_name }, body: { value: "replaced" }, isNaming: true },
    secretDelete: { params: { secret_name: things.secret_name } },
    siteChange: { params: { site_id: things.site_id }, body: { name: "renamed" } },
    retentionRead: {},
    retentionChange: { body: { log_days: 30 } },
  };
}
