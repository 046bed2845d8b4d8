import { ApiError, createClient, type Agent, type Client } from "@flowplane/contract";
import { must } from "./verdict.ts";
import { eventually, type Operator } from "./target.ts";

const FOUND_MS = 10_000;

export interface FlowplaneOperator extends Operator {
  /** The Authorization header of as many agents as like, each let in at once. */
  newToken(): Promise<string>;
}

/** What an operator of Flowplane does, over its own API. `url` is the dashboard's, `key` an owner's or admin's. */
export async function flowplaneOperator(url: string, key: string): Promise<FlowplaneOperator> {
  const client = createClient({ origin: url, headers: () => ({ authorization: `Bearer ${key}` }) });
  const { server } = await client.me({});
  const tokenOf = async (approval: "automatic" | "manual") => {
    const { secret } = await client.enrolmentTokenCreate({
      body: { name: "conformance", approval, uses_max: null },
    });
    return `Bearer ${secret}`;
  };
  const idOf = (uid: string) =>
    eventually(`the agent ${uid} to be listed`, async () => (await find(client, uid))?.id, FOUND_MS);
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
    async restart(uid) {
      try {
        await client.agentRestart({
          params: { agent_id: await idOf(uid) },
          body: { reason: "conformance suite" },
        });
        return { accepted: true, why: "" };
      } catch (error) {
        must(error instanceof ApiError, String(error));
        return { accepted: false, why: error.message };
      }
    },
  };
}

/** Agents of this run are named by the end of their first uid; one that got another is found among the newest. */
async function find(client: Client, uid: string): Promise<Agent | undefined> {
  const { items } = await client.agentList({ query: { sort: "created_at", order: "desc", limit: 200 } });
  return items.find(({ instance_uid }) => instance_uid === uid);
}
