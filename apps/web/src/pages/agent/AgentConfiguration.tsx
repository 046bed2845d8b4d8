import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
import { Code } from "../../ui/Code.tsx";
import { CopyButton } from "../../ui/Copy.tsx";
import { Empty, Section } from "../../ui/Page.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";

/** What the agent says it really uses; secrets were removed before it came here. */
export default function AgentConfiguration() {
  const { agentId } = useParams({ from: "/frame/agents/$agentId/configuration" });
  const agent = useSuspenseQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const remote = agent.remote_config_status;
  if (agent.effective_config.length === 0) {
    const capability = agent.capabilities.find(({ name }) => /effective.?config/i.test(name));
    return (
      <TabPage>
        <Empty>
          This agent has not reported the configuration it uses.{" "}
          {capability?.present === true
            ? "It can, and will do so with one of its next messages."
            : (capability?.why_not ?? "It does not say that it can.")}
        </Empty>
      </TabPage>
    );
  }
  return (
    <TabPage>
      {remote === null ? null : (
        <p className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <StateMark
            tone={remote.status === "FAILED" ? "bad" : remote.status === "APPLYING" ? "busy" : "ok"}
            word={`Last offered configuration: ${remote.status.toLowerCase()}`}
          />
          {remote.error_message === "" ? null : <span className="text-bad">{remote.error_message}</span>}
        </p>
      )}
      {agent.effective_config.map(({ name, content_type, body }) => (
        <Section
          key={name}
          title={name === "" ? "Effective configuration" : name}
          aside={
            <span className="flex items-center gap-2">
              {content_type} · reported <Time at={agent.effective_config_at} />
              <CopyButton text={body} label="Copy the configuration" />
            </span>
          }
        >
          <Code text={body} label={name === "" ? "Effective configuration" : name} />
        </Section>
      ))}
    </TabPage>
  );
}
