/** The pages of configurations and rollouts. */
import { accessibilityTest, tabs } from "./accessibility.ts";

const CONFIGURATION =
  "receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";

accessibilityTest("pages of configurations and rollouts", async ({ make }) => {
  const { id } = await make("configurations", { name: "edge", body: CONFIGURATION });
  return {
    paths: [
      ...tabs("/configurations", "new"),
      ...tabs(`/configurations/${id}`, "preview", "versions", "places", "settings"),
      ...tabs("/rollouts", "new"),
    ],
    narrow: [`/configurations/${id}`, ...tabs("/rollouts", "new")],
  };
});
