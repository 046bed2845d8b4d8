import { useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import type { AgentPackage, PackageAttempt } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { cannotRetryPackages, PACKAGE_LOOK, PACKAGE_SET_LOOK } from "../../api/packages.ts";
import { q, useApi } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Section } from "../../ui/Page.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";

/** What packages an agent is to have, what it says it has, and what came of earlier offers. */
export default function AgentPackagesTab() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/packages" });
  const params = { agent_id: agentId };
  const packages = useSuspenseQuery(q("agentPackages", { params })).data;
  const [isRetrying, setRetrying] = useState(false);
  const mayNot = useMayNot("agent:write");
  const retry = useApi("agentPackagesRetry", {
    onSuccess: () => {
      say("Offered once more");
      setRetrying(false);
    },
  });
  return (
    <TabPage>
      <Section
        title="Packages"
        aside={
          packages.state === "none" ? undefined : (
            <Button whyNot={mayNot ?? cannotRetryPackages(packages)} onClick={() => setRetrying(true)}>
              Offer once more…
            </Button>
          )
        }
      >
        <p className="flex flex-wrap items-baseline gap-x-3">
          <StateMark {...PACKAGE_SET_LOOK[packages.state]} />
          <span className="min-w-0 break-words text-n9">{packages.sentence}</span>
        </p>
        {packages.set === null ? null : (
          <p className="text-n8">
            Said by {packages.set.set_by.name} <Time at={packages.set.set_at} />: {packages.set.reason}
          </p>
        )}
        {packages.error === "" ? null : <ErrorText text={packages.error} />}
        <ul>
          {packages.items.map((item) => (
            <PackageRow key={item.name} item={item} />
          ))}
        </ul>
      </Section>
      {packages.attempts.length === 0 ? null : (
        <Section title="Attempts">
          <ol>
            {packages.attempts.map((attempt) => (
              <AttemptRow
                key={`${attempt.name} ${attempt.version} ${attempt.started_at}`}
                attempt={attempt}
              />
            ))}
          </ol>
        </Section>
      )}
      {isRetrying ? (
        <ReasonDialog
          title="Offer the packages once more"
          description="The agent is sent the same set again; one that failed tries again."
          action="Offer"
          busy={retry.isPending}
          error={retry.error}
          danger={false}
          onSubmit={(reason) => retry.mutate({ params, body: { reason } })}
          onClose={() => setRetrying(false)}
        />
      ) : null}
    </TabPage>
  );
}

function PackageRow({ item }: { item: AgentPackage }) {
  return (
    <li className="flex flex-col gap-0.5 border-t border-n3 py-2 first:border-t-0">
      <span className="flex flex-wrap items-baseline gap-x-3">
        {item.wanted === null ? (
          <span className="font-medium">{item.name}</span>
        ) : (
          <Link {...paths.package(item.wanted.package_id)} className="font-medium hover:underline">
            {item.name}
          </Link>
        )}
        {item.status === null ? null : <StateMark {...PACKAGE_LOOK[item.status]} />}
        <span className="min-w-0 break-words text-n9">{item.sentence}</span>
        {item.reported_at === null ? null : (
          <Time at={item.reported_at} className="ml-auto text-sm text-n8" />
        )}
      </span>
      {item.percent === null ? null : (
        <progress
          max={100}
          value={item.percent}
          aria-label={`Download of ${item.name}`}
          className="h-1.5 w-64"
        />
      )}
    </li>
  );
}

function AttemptRow({ attempt }: { attempt: PackageAttempt }) {
  return (
    <li className="flex flex-col gap-0.5 border-t border-n3 py-1.5 first:border-t-0">
      <span className="flex flex-wrap items-baseline gap-x-3">
        <span className="font-medium">
          {attempt.name} {attempt.version}
        </span>
        <StateMark {...PACKAGE_LOOK[attempt.status]} />
        <Time at={attempt.status_at} className="ml-auto text-sm text-n8" />
      </span>
      {attempt.error === "" ? null : <ErrorText text={attempt.error} />}
    </li>
  );
}

function ErrorText({ text }: { text: string }) {
  return <span className="font-mono text-xs break-words whitespace-pre-wrap text-bad">{text}</span>;
}
