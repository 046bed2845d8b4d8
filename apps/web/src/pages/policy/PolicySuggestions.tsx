import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Empty, Section } from "../../ui/Page.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { PolicyDiff } from "./PolicyLines.tsx";

const INCIDENTS_NAMED = 8;

/** What “right” and “wrong” on incidents ask for, each ready to be saved as a version. */
export default function PolicySuggestions() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId" });
  const navigate = useNavigate();
  const mayNot = useMayNot("policy:write");
  const params = { policy_id: policyId };
  const policy = useSuspenseQuery(q("policyRead", { params })).data;
  const { items } = useSuspenseQuery(q("policySuggestions", { params })).data;
  return (
    <TabPage>
      {items.length === 0 ? (
        <Empty>
          Nothing to suggest. When people say on incidents that the detector was right or wrong, what follows
          from it appears here.
        </Empty>
      ) : (
        items.map((suggestion, index) => (
          <Section
            key={suggestion.title}
            title={suggestion.title}
            aside={
              <Button
                look="primary"
                whyNot={mayNot}
                onClick={() => void navigate(paths.editPolicy(policyId, { suggestion: index + 1 }))}
              >
                Save as a new version…
              </Button>
            }
          >
            <p className="text-n9">
              {suggestion.why}{" "}
              {suggestion.incident_ids.slice(0, INCIDENTS_NAMED).map((id, at) => (
                <span key={id}>
                  {at === 0 ? "" : ", "}
                  <Link {...paths.incident(id)} className={TEXT_LINK}>
                    incident {at + 1}
                  </Link>
                </span>
              ))}
            </p>
            <PolicyDiff before={policy.current} after={suggestion.document} />
          </Section>
        ))
      )}
    </TabPage>
  );
}
