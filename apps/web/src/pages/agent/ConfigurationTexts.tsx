import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import type { AgentConfiguration } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { DiffView } from "../../diff/DiffView.tsx";
import { diffLines, withoutEqual } from "../../diff/lines.ts";
import { useNarrow } from "../../lib/narrow.ts";
import { oneOf } from "../../search.ts";
import { Code } from "../../ui/Code.tsx";
import { CopyButton } from "../../ui/Copy.tsx";
import { Section } from "../../ui/Page.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Time } from "../../ui/Time.tsx";

const TEXTS = ["effective", "offered", "assigned"] as const;
type TextName = (typeof TEXTS)[number];
const WORDS: Readonly<Record<TextName, string>> = {
  effective: "What it runs",
  offered: "Offered",
  assigned: "Assigned version",
};
const AGAINST: Readonly<Record<TextName, string>> = {
  effective: "what it runs",
  offered: "what was offered",
  assigned: "the assigned version",
};
const MEANS: Readonly<Record<TextName, string>> = {
  effective: "as the agent says",
  offered: "composed as it is sent, secrets as references",
  assigned: "the version as it was written",
};

/** The three texts of an agent: each by itself, or held against another one. */
export function ConfigurationTexts({ delivered }: { delivered: AgentConfiguration }) {
  const { assigned } = delivered;
  const written = useQuery({
    ...q("configurationVersionRead", {
      params: {
        configuration_id: assigned?.configuration_id ?? "none",
        version: String(assigned?.version ?? 1),
      },
    }),
    enabled: assigned !== null,
    staleTime: "static",
  }).data?.body;
  const texts: Readonly<Record<TextName, string | undefined>> = {
    effective: textOf(delivered.effective),
    offered: textOf(delivered.offered),
    assigned: written,
  };
  const there = TEXTS.filter((name) => texts[name] !== undefined);
  const differs = delivered.drift !== null && !delivered.drift.in_sync;
  const [chosen, setChosen] = useState<TextName>("effective");
  const [against, setAgainst] = useState<TextName | undefined>(differs ? "offered" : undefined);
  const shown = there.includes(chosen) ? chosen : (there[0] ?? "effective");
  const other = against !== undefined && against !== shown && there.includes(against) ? against : undefined;
  const text = texts[shown] ?? "";
  const before = other === undefined ? undefined : texts[other];
  const rows = useMemo(
    () => (before === undefined ? undefined : withoutEqual(diffLines(before, text))),
    [before, text],
  );
  const isNarrow = useNarrow();
  return (
    <Section
      title={other === undefined ? WORDS[shown] : `${WORDS[shown]} against ${AGAINST[other]}`}
      aside={
        <span className="flex items-center gap-2">
          <span className="max-md:hidden">{MEANS[shown]}</span>
          {shown === "effective" ? (
            <span>
              reported <Time at={delivered.effective_at} />
            </span>
          ) : null}
          <CopyButton text={text} label="Copy the configuration" />
        </span>
      }
    >
      {there.length < 2 ? null : (
        <div className="flex flex-wrap items-center gap-2">
          <Scopes
            label="Which text"
            scopes={there.map((name) => ({ value: name, word: WORDS[name] }))}
            chosen={shown}
            onChoose={(name) => setChosen(name ?? "effective")}
          />
          <label className="flex items-center gap-2 text-n9">
            against
            <select
              value={other ?? ""}
              onChange={(event) => setAgainst(oneOf(event.target.value, TEXTS))}
              className="h-8 rounded-md border border-n7 bg-n0 px-2 pr-7 text-n10 max-md:h-10"
            >
              <option value="">nothing</option>
              {there
                .filter((name) => name !== shown)
                .map((name) => (
                  <option key={name} value={name}>
                    {AGAINST[name]}
                  </option>
                ))}
            </select>
          </label>
        </div>
      )}
      {rows === undefined || other === undefined ? (
        <Code text={text} label={WORDS[shown]} />
      ) : (
        <DiffView
          label="Difference"
          rows={rows}
          split={!isNarrow}
          names={{ before: AGAINST[other], after: AGAINST[shown] }}
          same="The texts are equal."
        />
      )}
    </Section>
  );
}

/** All entries as one text; those with a name stand below a line that says it. */
function textOf(entries: AgentConfiguration["offered"]): string | undefined {
  if (entries.length === 0) return undefined;
  return entries.map(({ name, body }) => (entries.length === 1 ? body : `# ${name}\n${body}`)).join("\n");
}
