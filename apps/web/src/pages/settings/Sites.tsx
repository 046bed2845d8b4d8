import { useSuspenseQuery } from "@tanstack/react-query";
import { Pencil } from "lucide-react";
import { useState } from "react";
import type { Site } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Fact, Facts } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { isolationWords } from "../run/executionWords.ts";
import { LaunchPolicyForm } from "./LaunchPolicyForm.tsx";

const SITES_MAX = 200;

/** What may be started in each site at all, and whether its guard holds the policies back. */
export default function Sites() {
  const mayNot = useMayNot("site:write");
  const { items } = useSuspenseQuery(q("siteList", { query: { limit: SITES_MAX } })).data;
  const [editing, setEditing] = useState<Site | undefined>(undefined);
  return (
    <TabPage>
      <p className="max-w-[80ch] text-n9">
        What may be started in each site. A host's own file may forbid more, never allow more.
      </p>
      <ul className="flex flex-col gap-5">
        {items.map((site) => (
          <li key={site.id} className="flex flex-col gap-3 rounded-md border border-n4 p-4">
            <div className="flex flex-wrap items-baseline gap-x-3 gap-y-2">
              <h2 className="text-lg font-semibold">{site.name}</h2>
              <span className="text-n8">
                {site.environment} · {counted(site.agents, "agent")}
              </span>
              <Button
                className="ml-auto"
                icon={<Pencil size={14} aria-hidden="true" />}
                whyNot={mayNot}
                onClick={() => setEditing(site)}
              >
                Change
              </Button>
            </div>
            {site.detection_fallback === null ? null : <Fallback site={site} mayNot={mayNot} />}
            <SiteFacts site={site} />
          </li>
        ))}
      </ul>
      {editing === undefined ? null : (
        <LaunchPolicyForm site={editing} onClose={() => setEditing(undefined)} />
      )}
    </TabPage>
  );
}

function SiteFacts({ site }: { site: Site }) {
  const policy = site.launch_policy;
  const patterns = (list: readonly string[], none: string) =>
    list.length === 0 ? none : <span className="font-mono text-sm break-words">{list.join("  ")}</span>;
  return (
    <Facts>
      <Fact name="May start">{patterns(policy.allow, "everything that is not denied")}</Fact>
      <Fact name="Denied">{patterns(policy.deny, "nothing")}</Fact>
      <Fact name="Isolation">
        {policy.isolation.join(", ")}; by default {isolationWords(policy.isolation_default)}
      </Fact>
      <Fact name="Taken over">
        {policy.inherit === null
          ? "any variable of the agent"
          : policy.inherit.join(" ") || "no variable of the agent"}
      </Fact>
      <Fact name="Users">
        {policy.users === null
          ? "any the agent can change to"
          : policy.users.join(", ") || "the agent's own only"}
      </Fact>
      <Fact name="Limits">
        {policy.require_limits
          ? "refused where the kernel cannot enforce them"
          : "watched where the kernel cannot enforce them"}
      </Fact>
    </Facts>
  );
}

function Fallback({ site, mayNot }: { site: Site; mayNot: string | undefined }) {
  const end = useApi("siteChange", { onSuccess: () => say("The policies act again") });
  const fallback = site.detection_fallback;
  if (fallback === null) return null;
  return (
    <div className="flex flex-col gap-2 rounded-md border border-n4 bg-attention-soft px-3 py-2">
      <p className="flex items-baseline gap-2">
        <StateShape tone="attention" />
        <span>
          Every policy here only watches, because of {fallback.reason}; they act again{" "}
          <Time at={fallback.until} />.
        </span>
      </p>
      <div>
        <Button
          whyNot={mayNot}
          busy={end.isPending}
          onClick={() => end.mutate({ params: { site_id: site.id }, body: { detection_fallback: null } })}
        >
          Let them act again now
        </Button>
      </div>
      {end.error === null ? null : <Problem error={end.error} />}
    </div>
  );
}
