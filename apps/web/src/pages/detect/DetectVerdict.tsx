import { CATEGORY_WORD } from "../../api/states.ts";
import { duration } from "../../lib/time.ts";
import { bytes, number } from "../../lib/units.ts";
import { Section } from "../../ui/Page.tsx";
import { StateShape } from "../../ui/StateMark.tsx";
import { Features } from "../incident/Features.tsx";
import type { DetectAnswer } from "./detect.worker.ts";

type Verdict = Extract<DetectAnswer, { kind: "verdict" }>;

export function DetectVerdict({ name, size, answer }: { name: string; size: number; answer: Verdict }) {
  const { verdict, lines } = answer;
  const { evidence } = verdict;
  return (
    <section aria-label="Verdict" role="status" className="flex flex-col gap-5">
      <p className="flex items-baseline gap-2 text-lg">
        <StateShape tone={verdict.detected ? "bad" : "ok"} />
        <span className="min-w-0 break-words">{headOf(name, verdict)}</span>
      </p>
      {answer.bytes < size ? (
        <p className="text-sm text-n8">
          The first confirmed finding is the answer, so only {bytes(answer.bytes)} of {bytes(size)} were read.
        </p>
      ) : null}
      {lines.length === 0 ? null : (
        <Section title={`Around line ${number(verdict.atLine ?? 0)}`}>
          <ol
            // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls
            tabIndex={0}
            className="overflow-x-auto rounded-md border border-n4 bg-n1 py-1 font-mono text-sm"
          >
            {lines.map(({ line, text }) => (
              <li
                key={line}
                className={`flex gap-3 px-3 whitespace-pre ${line === verdict.atLine ? "bg-mark" : ""}`}
              >
                <span
                  className={`w-[8ch] shrink-0 text-right select-none ${line === verdict.atLine ? "text-n10" : "text-n8"}`}
                >
                  {line}
                </span>
                <span className="min-w-0">{text}</span>
              </li>
            ))}
          </ol>
        </Section>
      )}
      {evidence === null ? null : (
        <>
          {evidence.signature === null ? null : (
            <p className="text-n9">
              Seen {number(evidence.signature.count)} times as{" "}
              <code className="rounded-sm bg-n2 px-1 font-mono text-sm [overflow-wrap:anywhere]">
                {evidence.signature.text}
              </code>
              , about every {duration(evidence.signature.periodMs)}; since line {number(evidence.since.line)}.
            </p>
          )}
          <Section title="Why" aside={`Score ${verdict.score} of 100`}>
            <Features evidence={{ families: [...evidence.families] }} />
          </Section>
        </>
      )}
    </section>
  );
}

function headOf(name: string, { detected, category, score, atLine, atSeconds }: Verdict["verdict"]): string {
  if (category === null) return `Nothing suspicious in ${name}.`;
  const word = CATEGORY_WORD[category].toLowerCase();
  if (!detected)
    return `Nothing confirmed in ${name}. What came closest was a ${word}, with a score of ${score} of 100.`;
  const when = atSeconds === null ? "" : `, ${duration(atSeconds * 1_000)} after the first`;
  return `${CATEGORY_WORD[category]} in ${name}, certain at line ${number(atLine ?? 0)}${when}.`;
}
