import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import type { AgentDetail } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { KIND_WORD } from "../../api/states.ts";
import { ShortId } from "../../ui/Copy.tsx";
import { Fact, Facts, Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { HealthHistory } from "./HealthHistory.tsx";
import { HealthTree } from "./HealthTree.tsx";

export default function AgentOverview() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  return (
    <TabPage>
      <div className="grid gap-x-12 gap-y-7 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="flex min-w-0 flex-col gap-7">
          <Section title="Health">
            <HealthHistory agentId={agentId} />
            {agent.health === null ? (
              <p className="text-n8">
                It has not reported its health.{" "}
                {whyNot(agent, /health/i) ?? "It may do so with its next message."}
              </p>
            ) : (
              <HealthTree name={agent.name} health={agent.health} />
            )}
          </Section>
          <Section title="Capabilities">
            <Capabilities agent={agent} />
          </Section>
        </div>
        <div className="flex min-w-0 flex-col gap-7">
          <Section title="About">
            <AboutFacts agent={agent} />
          </Section>
          <Section title="Labels">
            {Object.keys(agent.labels).length === 0 ? (
              <p className="text-n8">
                No labels. They come with the enrolment token or by “Rename or label”.
              </p>
            ) : (
              <Attributes values={agent.labels} />
            )}
          </Section>
          <Section title="Description it sent">
            <Attributes values={{ ...agent.identifying_attributes, ...agent.non_identifying_attributes }} />
          </Section>
        </div>
      </div>
    </TabPage>
  );
}

function AboutFacts({ agent }: { agent: AgentDetail }) {
  return (
    <Facts>
      <Fact name="Kind">{KIND_WORD[agent.kind]}</Fact>
      <Fact name="Host">{agent.hostname ?? "not said yet"}</Fact>
      <Fact name="System">{agent.os ?? "not said yet"}</Fact>
      <Fact name="Version">{agent.version ?? "not said yet"}</Fact>
      <Fact name="Connection">
        {agent.connected_at === null ? (
          "none"
        ) : (
          <>
            {agent.transport === "http" ? "HTTP polling" : "WebSocket"} from{" "}
            {agent.remote_address ?? "an unknown address"}, <Time at={agent.connected_at} />
          </>
        )}
      </Fact>
      <Fact name="Enrolled">
        <Time at={agent.created_at} />
      </Fact>
      <Fact name="Id">
        <ShortId id={agent.id} label="agent id" />
      </Fact>
      {agent.instance_uid === null ? null : (
        <Fact name="instance_uid">
          <ShortId id={agent.instance_uid} label="instance_uid" />
        </Fact>
      )}
    </Facts>
  );
}

function Attributes({ values }: { values: Readonly<Record<string, unknown>> }) {
  const entries = Object.entries(values);
  if (entries.length === 0) return <p className="text-n8">Nothing yet.</p>;
  return (
    <dl className="grid grid-cols-[minmax(0,max-content)_minmax(0,1fr)] gap-x-5 gap-y-1 font-mono text-sm">
      {entries.map(([key, value]) => (
        <div key={key} className="contents">
          <dt className="break-all text-n8">{key}</dt>
          <dd className="min-w-0 break-all">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function Capabilities({ agent }: { agent: AgentDetail }) {
  const sorted = agent.capabilities.toSorted((a, b) => Number(b.present) - Number(a.present));
  return (
    <ul className="flex flex-col gap-1.5">
      {sorted.map(({ name, present, why_not }) => (
        <li key={name} className="flex items-baseline gap-2">
          <StateShape tone={present ? "ok" : "off"} />
          <span className="min-w-0">
            <span className={present ? "" : "text-n8"}>{spaced(name)}</span>
            <span className="sr-only">{present ? " (yes)" : " (no)"}</span>
            {present || why_not === null ? null : <span className="text-n8">: {why_not}</span>}
          </span>
        </li>
      ))}
      {agent.custom_capabilities.map((name) => (
        <li key={name} className="flex items-baseline gap-2">
          <StateShape tone="ok" />
          <code className="font-mono text-sm break-all">{name}</code>
        </li>
      ))}
    </ul>
  );
}

function whyNot(agent: AgentDetail, name: RegExp): string | undefined {
  return (
    agent.capabilities.find((capability) => name.test(capability.name) && !capability.present)?.why_not ??
    undefined
  );
}

/** `AcceptsOpAMPConnectionSettings` as words: "Accepts OpAMP connection settings"; a name of another form as it is. */
function spaced(name: string): string {
  const words = /^([A-Z][a-z]+)+|OpAMP/.test(name) ? (name.match(/OpAMP|[A-Z][a-z]+/g) ?? [name]) : [name];
  return words.map((word, index) => (index === 0 || word === "OpAMP" ? word : word.toLowerCase())).join(" ");
}
