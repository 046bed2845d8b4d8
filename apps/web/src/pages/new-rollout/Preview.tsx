import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { RolloutPreview } from "@flowplane/contract";
import { DiffView } from "../../diff/DiffView.tsx";
import { parseUnified } from "../../diff/lines.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";

const AGENTS_SHOWN = 12;

/** What would happen: which agents, in which waves, who is left out, what changes on each. */
export function Preview({ preview }: { preview: RolloutPreview }) {
  return (
    <div className="flex min-w-0 flex-col gap-6">
      <Section title="Who gets it">
        <Told tone={preview.problems.length > 0 ? "bad" : "ok"}>
          {counted(preview.agents, "agent")} match
          {preview.agents === 1 ? "es" : ""}: {number(preview.reachable)} reachable now
          {preview.unreachable === 0 ? "" : `, ${number(preview.unreachable)} get it when they come back`}.
        </Told>
        {preview.problems.map((problem) => (
          <Told key={problem} tone="bad">
            {problem}
          </Told>
        ))}
        {preview.skipped.map(({ reason_code, sentence }) => (
          <Told key={`${reason_code}${sentence}`} tone="off">
            {sentence}
          </Told>
        ))}
        {preview.overlaps.map(({ rollout_id, sentence }) => (
          <Told key={rollout_id} tone="attention">
            {sentence}{" "}
            <Link {...paths.rollout(rollout_id)} className={TEXT_LINK}>
              See it
            </Link>
          </Told>
        ))}
      </Section>
      {preview.waves.length === 0 || preview.agents === 0 ? null : <WaveBar waves={preview.waves} />}
      {preview.changes.length === 0 ? null : <Changes changes={preview.changes} />}
      {preview.items.length === 0 ? null : <Agents preview={preview} />}
    </div>
  );
}

function Told({ tone, children }: { tone: "ok" | "bad" | "off" | "attention"; children: React.ReactNode }) {
  return (
    <p className="flex items-baseline gap-2">
      <StateShape tone={tone} />
      <span className="min-w-0 break-words">{children}</span>
    </p>
  );
}

function WaveBar({ waves }: { waves: RolloutPreview["waves"] }) {
  return (
    <Section title="Waves">
      <ol className="flex flex-wrap gap-1">
        {waves.map(({ index, agents }) => (
          <li
            key={index}
            className="flex min-w-20 flex-col rounded-sm border border-n4 border-t-accent px-2 py-1"
            style={{ flexGrow: Math.sqrt(agents) }}
          >
            <span className="text-sm text-n8">Wave {index + 1}</span>
            {counted(agents, "agent")}
          </li>
        ))}
      </ol>
    </Section>
  );
}

/** One difference for each text that agents have now. */
function Changes({ changes }: { changes: RolloutPreview["changes"] }) {
  const [chosen, setChosen] = useState(0);
  const change = changes[chosen] ?? changes[0];
  if (change === undefined) return null;
  return (
    <Section title="What changes">
      {changes.length === 1 ? null : (
        <div role="group" aria-label="By what agents have now" className="flex flex-wrap gap-1">
          {changes.map(({ from, agents }, index) => (
            <button
              key={`${from?.configuration_id ?? ""}${from?.version ?? index}`}
              type="button"
              aria-pressed={change === changes[index]}
              onClick={() => setChosen(index)}
              className="h-8 rounded-md px-2 text-n9 hover:bg-n2 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-9"
            >
              {from === null ? "Nothing from here" : `v${from.version}`}{" "}
              <span className="text-n8">{number(agents)}</span>
            </button>
          ))}
        </div>
      )}
      {changes.length === 1 ? (
        <p className="text-n9">
          {counted(change.agents, "agent")} {change.agents === 1 ? "has" : "have"}{" "}
          {change.from === null ? "nothing from Flowplane" : `version ${change.from.version}`} now.
        </p>
      ) : null}
      {change.changes.length === 0 ? null : (
        <ul className="flex flex-wrap gap-x-4 gap-y-1 text-n9">
          {change.changes.map((one) => (
            <li key={`${one.change}${one.what}${one.id}`}>
              {one.change} {one.what} <code className="font-mono text-sm">{one.id}</code>
            </li>
          ))}
        </ul>
      )}
      <DiffView
        label="Difference of the texts"
        rows={parseUnified(change.text_diff)}
        same="The text stays as it is."
      />
    </Section>
  );
}

function Agents({ preview }: { preview: RolloutPreview }) {
  const [all, setAll] = useState(false);
  const shown = all ? preview.items : preview.items.slice(0, AGENTS_SHOWN);
  return (
    <Section title="First agents" aside={`${number(preview.items.length)} of ${number(preview.agents)}`}>
      <ul className="grid gap-x-6 sm:grid-cols-2">
        {shown.map(({ agent_id, name, wave, reason_code }) => (
          <li
            key={agent_id}
            className="flex min-w-0 items-baseline justify-between gap-2 border-b border-n3 py-1"
          >
            <Link {...paths.agent(agent_id)} className="min-w-0 truncate hover:underline">
              {name}
            </Link>
            <span className="shrink-0 text-sm text-n8">
              {reason_code === null ? `wave ${wave + 1}` : "left out"}
            </span>
          </li>
        ))}
      </ul>
      {all || preview.items.length <= AGENTS_SHOWN ? null : (
        <button
          type="button"
          onClick={() => setAll(true)}
          className="self-start rounded-sm text-accent hover:underline"
        >
          Show {number(preview.items.length)}
        </button>
      )}
    </Section>
  );
}
