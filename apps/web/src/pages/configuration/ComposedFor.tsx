import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ConfigurationOrigin } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { paths } from "../../paths.ts";
import { Code } from "../../ui/Code.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import type { ConfigurationText } from "./configurationText.ts";
import { combinationWords } from "./matchWords.ts";
import { placeOf } from "./ProblemList.tsx";

/** The text that one agent would be sent, each line with the overlay that brought it, and what stands against sending it. */
export function ComposedFor({ text, agentId }: { text: ConfigurationText; agentId: string }) {
  const agent = useQuery(q("agentRead", { params: { agent_id: agentId } })).data;
  const { data, error, refetch } = useQuery({
    ...q("configurationPreview", {
      body: { body: text.body, overlays: [...text.overlays], agent_id: agentId },
    }),
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <Rows count={8} />;
  const { composed, overlays, origins, problems, held } = data;
  return (
    <Section title={`For ${agent?.name ?? "the agent"}: ${combinationWords(overlays)}`}>
      {agent === undefined ? null : (
        <p className="text-n9">
          <Link {...paths.agent(agent.id)} className={TEXT_LINK}>
            {agent.name}
          </Link>
          {Object.entries(agent.labels).map(([key, value]) => (
            <code key={key} className="ml-2 font-mono text-sm">
              {key}={value}
            </code>
          ))}
        </p>
      )}
      {held === null ? null : (
        <p className="flex items-baseline gap-2">
          <StateShape tone="attention" />
          <span className="min-w-0 break-words whitespace-pre-line">It would not be sent: {held}</span>
        </p>
      )}
      {problems.length === 0 ? null : (
        <ul className="flex flex-col gap-1">
          {problems.map((problem) => (
            <li
              key={`${placeOf(problem)}${problem.code}${problem.message}`}
              className="flex items-baseline gap-2"
            >
              <StateShape tone={problem.severity === "error" ? "bad" : "attention"} />
              <span className="font-mono text-xs text-n8">{placeOf(problem)}</span>
              <span className="min-w-0 break-words">{problem.message}</span>
            </li>
          ))}
        </ul>
      )}
      {composed === null ? null : (
        <>
          <Code
            text={composed}
            label={`Text for ${agent?.name ?? agentId}`}
            {...(origins.length === 0 ? {} : { originOf: (line: number) => originAt(origins, line) })}
          />
          <p className="text-sm text-n8">
            {overlays.length === 0
              ? "No overlay matches it: it is the base as it is written."
              : "Lines that an overlay brought are marked with its name; all others are the base's. Comments are of the texts it is made of."}
          </p>
        </>
      )}
    </Section>
  );
}

function originAt(origins: readonly ConfigurationOrigin[], line: number): string | undefined {
  return origins.find(({ from_line, to_line }) => from_line <= line && line <= to_line)?.overlay;
}
