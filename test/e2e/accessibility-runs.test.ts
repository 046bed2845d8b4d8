/** The pages of what is there and what runs: overview, agents, runs, with something on each. */
import { accessibilityTest, tabs } from "./accessibility.ts";

accessibilityTest("pages of agents and runs", async ({ page, flowplane, make, line }) => {
  const { id } = await make("runs", { command: "sh", args: ["-c", "echo one; echo two >&2"] });
  await page.goto(`${flowplane.origin}/runs/${id}`);
  await line("two").waitFor();
  await page.getByRole("heading", { level: 1 }).getByText("Succeeded").waitFor();
  const answer = await page.request.get(`${flowplane.origin}/api/v1/runs/${id}`);
  const { agent_id } = (await answer.json()) as { agent_id: string };
  return {
    paths: [
      "/",
      "/agents",
      "/agents?add=linux",
      ...tabs(`/agents/${agent_id}`, "runs", "configuration", "identity", "wire"),
      "/runs",
      "/runs?group=job",
      "/runs?launch=any",
      `/runs/${id}`,
    ],
    narrow: ["/", "/agents", `/runs/${id}`],
  };
});
