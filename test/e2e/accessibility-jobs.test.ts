/** The pages of incidents, jobs and policies. */
import { accessibilityTest, tabs } from "./accessibility.ts";

accessibilityTest("pages of incidents, jobs and policies", async ({ make }) => {
  const job = await make("jobs", {
    name: "nightly",
    command: "sh",
    args: ["-c", "echo done"],
    env_policy: { set: { WHO: "somebody" } },
    resource_policy: { memory_limit_mb: 64 },
    schedule_policy: { cron: "15 2 * * *", time_zone: "Europe/Berlin" },
  });
  const policy = await make("policies", { name: "Careful", document: { mode: "shadow" } });
  return {
    paths: [
      "/incidents",
      "/incidents/saved-log",
      ...tabs("/jobs", "calendar", "new"),
      ...tabs(`/jobs/${job.id}`, "schedule", "definition", "edit"),
      "/policies",
      ...tabs(`/policies/${policy.id}`, "versions", "compare", "suggestions", "edit"),
    ],
    narrow: ["/incidents", `/jobs/${job.id}`, "/jobs/new", `/policies/${policy.id}/edit`],
  };
});
