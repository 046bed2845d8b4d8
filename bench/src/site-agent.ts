import { eventually, startControlPlane, type ControlPlane } from "@flowplane/test/harness";

/** A control plane with its own site agent, connected: what `npm start` gives. */
export async function startWithAgent(): Promise<{ plane: ControlPlane; agentId: string }> {
  const plane = await startControlPlane({ command: "up", env: { FLOWPLANE_LOG: "warn" } });
  const agent = await eventually("the site agent to connect", async () => {
    const { items } = await plane.client.agentList({ query: { kind: "site", state: "connected" } });
    return items[0];
  });
  return { plane, agentId: agent.id };
}
