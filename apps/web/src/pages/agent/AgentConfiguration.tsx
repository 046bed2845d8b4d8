import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Download } from "lucide-react";
import { useState } from "react";
import type { AgentConfiguration as Delivered, AgentDetail } from "@flowplane/contract";
import { DELIVERY_LOOK } from "../../api/delivery.ts";
import { useMayNot } from "../../api/me.ts";
import { q, useApi } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { CopyBlock } from "../../ui/Copy.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Empty, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { ReasonDialog } from "../../ui/ReasonDialog.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark, StateShape } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { RolloutRows } from "../rollouts/RolloutRows.tsx";
import { WaitingWords } from "./AgentSentence.tsx";
import { Attempts } from "./Attempts.tsx";
import { ConfigurationTexts } from "./ConfigurationTexts.tsx";

const ROLLOUTS_MAX = 10;
const SITES_MAX = 200;

/** What the agent should run, what it was offered and what it says it runs; secrets were removed before they came here. */
export default function AgentConfiguration() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/configuration" });
  const params = { agent_id: agentId };
  const agent = useSuspenseQuery(q("agentRead", { params })).data;
  const { data, error, refetch } = useQuery(q("agentConfiguration", { params }));
  const rollouts = useQuery(q("rolloutList", { query: { agent_id: agentId, limit: ROLLOUTS_MAX } })).data
    ?.items;
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined)
    return (
      <TabPage>
        <div className="late">
          <Rows count={8} />
        </div>
      </TabPage>
    );
  return (
    <TabPage wide>
      <div className="flex flex-wrap items-start gap-x-4 gap-y-2">
        <Sentence delivered={data} />
        <Actions agent={agent} delivered={data} />
      </div>
      {data.profile.configurable && data.profile.notes.length === 0 ? null : (
        <Profile profile={data.profile} />
      )}
      {data.drift === null || data.drift.in_sync ? null : <Drift drift={data.drift} />}
      {data.effective.length === 0 && data.offered.length === 0 ? (
        <NotReported agent={agent} />
      ) : (
        <ConfigurationTexts delivered={data} />
      )}
      <Section title="Attempts">
        <Attempts attempts={data.attempts} />
      </Section>
      <Section title="Rollouts it was part of">
        {rollouts === undefined ? (
          <Rows count={3} />
        ) : rollouts.length === 0 ? (
          <p className="text-n8">None so far.</p>
        ) : (
          <RolloutRows rollouts={rollouts} />
        )}
      </Section>
    </TabPage>
  );
}

function Sentence({ delivered }: { delivered: Delivered }) {
  const { assigned, waiting } = delivered;
  return (
    <p className="min-w-0 flex-1 basis-72">
      <StateMark {...DELIVERY_LOOK[delivered.state]} />{" "}
      <span className="text-n9">· {delivered.sentence}</span>
      {waiting === null ? null : (
        <span className="text-n9">
          <WaitingWords waiting={waiting} />
        </span>
      )}
      {assigned === null ? null : (
        <span className="block text-n9">
          <Link
            {...paths.configurationTab(assigned.configuration_id, "versions", { version: assigned.version })}
            className={TEXT_LINK}
          >
            {assigned.configuration_name} v{assigned.version}
          </Link>{" "}
          assigned <Time at={assigned.assigned_at} />
          {assigned.rollout_id === null ? null : (
            <>
              {" by "}
              <Link {...paths.rollout(assigned.rollout_id)} className={TEXT_LINK}>
                a rollout
              </Link>
            </>
          )}
          .
          {assigned.inputs_changed
            ? " A variable or secret has another value since; a rollout brings it."
            : ""}
        </span>
      )}
    </p>
  );
}

function Actions({ agent, delivered }: { agent: AgentDetail; delivered: Delivered }) {
  const navigate = useNavigate();
  const mayNotWrite = useMayNot("configuration:write");
  const mayNotRollOut = useMayNot("rollout:write");
  const { assigned } = delivered;
  const site = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items.find(
    ({ id }) => id === agent.site_id,
  )?.name;
  return (
    <div className="flex flex-wrap gap-2">
      {delivered.state === "failed" ? <Retry agent={agent} /> : null}
      <Button
        icon={<Download size={14} aria-hidden="true" />}
        whyNot={
          mayNotWrite ?? (delivered.effective.length === 0 ? "It has not reported what it runs." : undefined)
        }
        onClick={() => void navigate(paths.newConfiguration(agent.id))}
      >
        Make a configuration of it…
      </Button>
      <Button
        whyNot={
          mayNotRollOut ??
          (delivered.profile.configurable
            ? undefined
            : "It takes no configuration; what to change stands below.")
        }
        onClick={() =>
          void navigate(
            paths.newRollout({
              selector: selectorOf(agent, site),
              ...(assigned === null ? {} : { configuration_id: assigned.configuration_id }),
            }),
          )
        }
      >
        Roll out to it…
      </Button>
    </div>
  );
}

function Retry({ agent }: { agent: AgentDetail }) {
  const mayNot = useMayNot("rollout:write");
  const [asks, setAsks] = useState(false);
  const retry = useApi("agentConfigurationRetry", {
    onSuccess: () => {
      say("It is offered once more");
      setAsks(false);
    },
  });
  return (
    <>
      <Button look="primary" whyNot={mayNot} onClick={() => setAsks(true)}>
        Offer once more…
      </Button>
      {asks ? (
        <ReasonDialog
          title="Offer it once more"
          description={`${agent.name} refused what it was offered. It gets the same content again, as after a port was freed or a file was put in its place.`}
          action="Offer once more"
          danger={false}
          busy={retry.isPending}
          error={retry.error}
          onSubmit={(reason) => retry.mutate({ params: { agent_id: agent.id }, body: { reason } })}
          onClose={() => setAsks(false)}
        />
      ) : null}
    </>
  );
}

/** Names may be had twice, so the site and the host narrow it down; the preview shows whom it finds. */
function selectorOf({ name, hostname }: AgentDetail, site: string | undefined): string {
  return [
    `name == ${JSON.stringify(name)}`,
    ...(hostname === null ? [] : [`hostname == ${JSON.stringify(hostname)}`]),
    ...(site === undefined ? [] : [`site == ${JSON.stringify(site)}`]),
  ].join(" && ");
}

/** Which kind of client it is, and what it cannot take. A note's further lines are lines to add somewhere. */
function Profile({ profile }: { profile: Delivered["profile"] }) {
  return (
    <Section
      title={profile.configurable ? `About its client, ${profile.name}` : "Why it takes no configuration"}
    >
      {profile.configurable ? null : <p className="text-n8">Its client is {profile.name}.</p>}
      <ul className="flex flex-col gap-2">
        {profile.notes.map((note) => {
          const [words = "", ...lines] = note.split("\n");
          return (
            <li key={note} className="flex flex-col gap-1">
              <span className="flex items-baseline gap-2">
                <StateShape tone={profile.configurable ? "off" : "attention"} />
                <span className="max-w-[90ch]">{words}</span>
              </span>
              {lines.length === 0 ? null : (
                <div className="max-w-[680px] pl-[18px]">
                  <CopyBlock text={lines.join("\n")} label="lines to add" />
                </div>
              )}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

function Drift({ drift }: { drift: NonNullable<Delivered["drift"]> }) {
  return (
    <Section title="What it runs otherwise than offered">
      <ul className="flex flex-col gap-1">
        {drift.changes.map((change) => (
          <li key={change} className="flex items-baseline gap-2">
            <StateShape tone="attention" />
            <span className="min-w-0 break-words">{change}</span>
          </li>
        ))}
      </ul>
    </Section>
  );
}

function NotReported({ agent }: { agent: AgentDetail }) {
  const capability = agent.capabilities.find(({ name }) => /effective.?config/i.test(name));
  return (
    <Empty>
      This agent has not reported the configuration it uses.{" "}
      {capability?.present === true
        ? "It can, and will do so with one of its next messages."
        : (capability?.why_not ?? "It does not say that it can.")}
    </Empty>
  );
}
