import { useSuspenseQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
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

function Code({ text, label }: { text: string; label: string }) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <div
      role="region"
      aria-label={label}
      // Long lines scroll, so the block must be reachable by keyboard.
      // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
      tabIndex={0}
      className="overflow-x-auto rounded-md border border-n4 bg-n1 py-2 font-mono text-sm"
    >
      <table className="border-collapse">
        <tbody>
          {lines.map((line, index) => (
            // Lines have no identity but their place.
            // oxlint-disable-next-line react/no-array-index-key
            <tr key={index}>
              <td className="w-12 pr-4 text-right text-n8 select-none" aria-hidden="true">
                {index + 1}
              </td>
              <td className="pr-4 whitespace-pre">{coloured(line)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Just enough colour to find one's way in YAML and JSON: keys and comments. */
function coloured(line: string): React.ReactNode {
  if (/^\s*#/.test(line)) return <span className="text-n8">{line}</span>;
  const [, start, key, rest] = /^(\s*(?:- )?)("?[\w./${}@-]+"?:)(.*)$/.exec(line) ?? [];
  if (key === undefined) return line === "" ? " " : line;
  return (
    <>
      {start}
      <span className="text-accent">{key}</span>
      {rest}
    </>
  );
}
