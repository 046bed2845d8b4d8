import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
import { Section } from "../../ui/Page.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { PolicyLines } from "./PolicyLines.tsx";

export default function PolicyCurrent() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId" });
  const policy = useSuspenseQuery(q("policyRead", { params: { policy_id: policyId } })).data;
  return (
    <TabPage>
      <Section
        title="What it says"
        aside={
          <>
            {policy.is_default ? "The default: used by runs and jobs that name no other. " : ""}
            Changed <Time at={policy.updated_at} />
          </>
        }
      >
        <PolicyLines document={policy.current} />
      </Section>
      <p className="max-w-[80ch] text-n8">
        The n-th confirmed incident of a category in a run and its restarts takes the n-th rung; the last one
        is kept. Too many interventions in one site, and every policy there falls back to shadow for a while.
      </p>
    </TabPage>
  );
}
