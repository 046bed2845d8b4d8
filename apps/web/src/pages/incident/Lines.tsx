import { Link } from "@tanstack/react-router";
import type { IncidentDetail } from "@flowplane/contract";
import { number } from "../../lib/units.ts";
import { showLine } from "../../log/display.ts";
import { paths } from "../../paths.ts";
import { Time } from "../../ui/Time.tsx";
import { progressWords } from "./evidenceWords.ts";

/** The lines that convinced the detector, each distinct one once with its count. */
export function Lines({ incident }: { incident: IncidentDetail }) {
  const { signature, last_progress: progress, suppressions } = incident.evidence;
  return (
    <div className="flex flex-col gap-2">
      {incident.lines.length === 0 ? (
        <p className="text-n9">
          It was not found in lines, but in what the run used and how it ended: see below.
        </p>
      ) : (
        <ul className="flex flex-col overflow-hidden rounded-md border border-n4 bg-n1">
          {incident.lines.map((line) => (
            <li key={line.first.seq} className="border-t border-n4 first:border-t-0">
              <Link
                {...paths.run(incident.run_id, { line: Math.max(1, line.first.seq) })}
                className="grid grid-cols-[56px_minmax(0,1fr)] items-baseline gap-3 px-3 py-1.5 hover:bg-n2 focus-visible:-outline-offset-2 md:grid-cols-[56px_minmax(0,1fr)_auto]"
              >
                <span className="font-semibold">×{number(line.count)}</span>
                <span className="font-mono text-sm break-words whitespace-pre-wrap [overflow-wrap:anywhere]">
                  {textOf(line.first)}
                </span>
                <span className="text-sm whitespace-nowrap text-n8 max-md:col-start-2">
                  {number(line.first.seq)}
                  {line.last_seq === line.first.seq ? "" : ` – ${number(line.last_seq)}`}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
      {signature === null || isShown(incident, signature) ? null : (
        <p className="text-n9">
          Seen {number(signature.count)} times as{" "}
          <code className="rounded-sm bg-n2 px-1 font-mono text-sm [overflow-wrap:anywhere]">
            {signature.text}
          </code>
          .
        </p>
      )}
      <p className="text-n9">
        {progress === null ? (
          "It showed no progress before."
        ) : (
          <>
            Last sign of progress <Time at={progress.at} />: {progressWords(progress.what)},{" "}
            <Link
              {...paths.run(incident.run_id, { line: Math.max(1, progress.line) })}
              className="underline decoration-n6 underline-offset-2 hover:decoration-n9"
            >
              line {number(progress.line)}
            </Link>
            .
          </>
        )}
      </p>
      {suppressions.length === 0 ? null : (
        <p className="text-n9">
          Left out of account:{" "}
          {suppressions.map(({ name, count }) => `${name} (×${number(count)})`).join(", ")}.
        </p>
      )}
    </div>
  );
}

/** A line without numbers or ids is its own signature: the list above has said it, count and all. */
function isShown(
  { lines }: IncidentDetail,
  { text, count }: NonNullable<IncidentDetail["evidence"]["signature"]>,
): boolean {
  return lines.some((line) => line.count === count && textOf(line.first) === text);
}

function textOf(line: IncidentDetail["lines"][number]["first"]): string {
  return showLine(line)
    .spans.map(({ text }) => text)
    .join("");
}
