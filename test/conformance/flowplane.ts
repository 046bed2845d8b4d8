import { randomUUID } from "node:crypto";
import { api, ApiError, createClient, upload, type Agent, type Client } from "@flowplane/contract";
import { must } from "./verdict.ts";
import { eventually, type Assignment, type Operator } from "./target.ts";

const FOUND_MS = 10_000;
const REASON = "conformance suite";
/** It ends nothing by itself: what becomes of an agent's configuration is for the row to say. */
const PLAN = {
  waves: [{ count: 1 }],
  soak_seconds: 3_600,
  verdict_timeout_seconds: 3_600,
  gate: { on_failure: "pause" as const },
  telemetry: null,
  include_new_agents: false,
};

export interface FlowplaneOperator extends Operator {
  /** The Authorization header of as many agents as like, each let in at once. */
  newToken(): Promise<string>;
}

/** What an operator of Flowplane does, over its own API. `url` is the dashboard's, `key` an owner's or admin's. */
export async function flowplaneOperator(url: string, key: string): Promise<FlowplaneOperator> {
  const options = { origin: url, headers: () => ({ authorization: `Bearer ${key}` }) };
  const client = createClient(options);
  const { server } = await client.me({});
  const tokenOf = async (approval: "automatic" | "manual") => {
    const { secret } = await client.enrolmentTokenCreate({
      body: { name: "conformance", approval, uses_max: null },
    });
    return `Bearer ${secret}`;
  };
  const idOf = (uid: string) =>
    eventually(`the agent ${uid} to be listed`, async () => (await find(client, uid))?.id, FOUND_MS);
  const running = new Map<string, string>();
  const packages = new Map<string, string>();
  return {
    certificateUrl: `${server.agents_url.replace(/^http/, "ws")}/v1/opamp`,
    newToken: () => tokenOf("automatic"),
    newManualToken: () => tokenOf("manual"),
    async agent(uid) {
      const listed = await find(client, uid);
      if (listed === undefined) return undefined;
      const agent = await client.agentRead({ params: { agent_id: listed.id } });
      return {
        state: agent.state,
        attributes: { ...agent.non_identifying_attributes, ...agent.identifying_attributes },
        health: agent.healthy,
        capabilities: agent.capabilities.filter(({ present }) => present).map(({ name }) => name),
      };
    },
    async newBearer() {
      const { secret, bearer } = await client.bearerCreate({ body: { name: "conformance" } });
      return {
        authorization: `Bearer ${secret}`,
        revoke: () => client.bearerRevoke({ params: { bearer_id: bearer.id } }),
      };
    },
    async approve(uid) {
      await client.agentApprove({ params: { agent_id: await idOf(uid) } });
    },
    async assign(uid, yaml) {
      const before = running.get(uid);
      if (before !== undefined)
        await client.rolloutAbort({ params: { rollout_id: before }, body: { reason: REASON } });
      const assignment = await assign(client, await idOf(uid), yaml);
      if (assignment.rolloutId !== null) running.set(uid, assignment.rolloutId);
      return assignment;
    },
    async reconnect(uid, endpoint) {
      const params = { agent_id: await idOf(uid) };
      // What an agent can do is shown a moment after it said so.
      await eventually(
        "the agent to be one that can be offered settings",
        async () => ((await client.agentConnectionRead({ params })).why_not === null ? "" : undefined),
        FOUND_MS,
      );
      await client.agentConnectionOffer({ params, body: { reason: REASON, endpoint, retire_old: true } });
    },
    async connection(uid) {
      const { offer } = await client.agentConnectionRead({ params: { agent_id: await idOf(uid) } });
      return { state: offer?.state ?? "none", sentence: offer?.sentence ?? "" };
    },
    async release(name, version, content) {
      const packageId = packages.get(name) ?? (await client.packageCreate({ body: { name } })).id;
      packages.set(name, packageId);
      const { id } = await client.releaseCreate({
        params: { package_id: packageId },
        body: { version, message: REASON },
      });
      const params = { package_id: packageId, release_id: id };
      await upload(options, api.releaseFilePut, { params }, new Blob([Uint8Array.from(content)]));
      await client.releasePublish({ params });
      return id;
    },
    async give(uid, releases) {
      await client.agentPackagesPut({
        params: { agent_id: await idOf(uid) },
        body: { release_ids: [...releases], reason: REASON },
      });
    },
    async restart(uid) {
      try {
        await client.agentRestart({
          params: { agent_id: await idOf(uid) },
          body: { reason: REASON },
        });
        return { accepted: true, why: "" };
      } catch (error) {
        must(error instanceof ApiError, String(error));
        return { accepted: false, why: error.message };
      }
    },
  };
}

/** It understood what was asked, and will not. */
const REFUSED = new Set([400, 409, 422]);

const nothing = () => Promise.reject(new Error("this agent was assigned nothing"));
const NEVER = { retry: nothing, outcome: nothing, takeBack: nothing };

/** A configuration of its own, and a rollout of it to this agent alone. */
async function assign(
  client: Client,
  agentId: string,
  yaml: string,
): Promise<Assignment & { rolloutId: string | null }> {
  const params = { agent_id: agentId };
  // What an agent says of itself first, its name and its capabilities with it, is shown a moment later.
  const name = await eventually(
    "the agent to be described",
    async () => {
      const { name, identifying_attributes } = await client.agentRead({ params });
      return "service.name" in (identifying_attributes ?? {}) ? name : undefined;
    },
    FOUND_MS,
  );
  const configuration = await client.configurationCreate({
    body: { name: `conformance-${randomUUID()}`, body: yaml },
  });
  const started = await client
    .rolloutCreate({
      body: {
        configuration_id: configuration.id,
        selector: `name == ${JSON.stringify(name)}`,
        plan: PLAN,
        message: REASON,
        confirm_everybody: true,
      },
    })
    .catch((error: unknown) => {
      must(error instanceof ApiError && REFUSED.has(error.problem.status), String(error));
      return error;
    });
  if (started instanceof ApiError) return { rolloutId: null, refusal: started.message, ...NEVER };
  const rolloutId = started.id;
  const refused = await eventually(
    "the rollout to reach the agent",
    async () => {
      const { items } = await client.rolloutAgents({ params: { rollout_id: rolloutId } });
      const [agent] = items;
      must(items.length === 1 && agent?.agent_id === agentId, `the rollout has ${items.length} agents`);
      if (agent.reason_code === "not_delivered") return { why: agent.reason ?? agent.reason_code };
      const { assigned } = await client.agentConfiguration({ params });
      return assigned?.configuration_id === configuration.id ? { why: "" } : undefined;
    },
    FOUND_MS,
  );
  return {
    rolloutId,
    refusal: refused.why,
    async retry() {
      await client.agentConfigurationRetry({ params, body: { reason: REASON } });
    },
    async outcome() {
      const { attempts } = await client.agentConfiguration({ params });
      const own = attempts.find(({ configuration_id }) => configuration_id === configuration.id);
      return own?.status ?? "none";
    },
    async takeBack() {
      await client.rolloutRollBack({ params: { rollout_id: rolloutId }, body: { reason: REASON } });
    },
  };
}

/** Agents of this run are named by the end of their first uid; one that got another is found among the newest. */
async function find(client: Client, uid: string): Promise<Agent | undefined> {
  const { items } = await client.agentList({ query: { sort: "created_at", order: "desc", limit: 200 } });
  return items.find(({ instance_uid }) => instance_uid === uid);
}
