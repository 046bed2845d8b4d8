import type { IncidentEvidence } from "@flowplane/contract";
import { AGREES_FROM, familyWord, readingVerdict, readingWords, STRENGTH_MAX } from "./evidenceWords.ts";

/** Each kind of signal as a bar; what passes the mark agrees, and two that agree are needed. */
export function Features({ evidence }: { evidence: Pick<IncidentEvidence, "families"> }) {
  const agreeing = evidence.families.filter(({ strength }) => strength >= AGREES_FROM).length;
  if (evidence.families.length === 0) return <p className="text-n9">No reading was recorded.</p>;
  return (
    <div className="flex flex-col gap-2">
      <ul className="flex flex-col gap-2">
        {evidence.families.map((reading) => {
          const counts = reading.strength >= AGREES_FROM;
          return (
            <li
              key={reading.family}
              className="grid grid-cols-[120px_minmax(80px,180px)_minmax(0,1fr)] items-center gap-x-4 gap-y-1 max-md:grid-cols-[120px_minmax(0,1fr)]"
            >
              <span className={counts ? "font-medium" : "text-n9"}>{familyWord(reading.family)}</span>
              <span
                role="img"
                aria-label={`Strength ${reading.strength} of ${STRENGTH_MAX}: ${readingVerdict(reading)}`}
                className="relative block h-2.5 rounded-sm bg-n3"
              >
                <span
                  className={`absolute inset-y-0 left-0 rounded-sm ${counts ? "bg-attention" : "bg-n6"}`}
                  style={{ width: `${(Math.min(STRENGTH_MAX, reading.strength) / STRENGTH_MAX) * 100}%` }}
                />
                <span
                  className="absolute -inset-y-0.5 w-0.5 bg-n9"
                  style={{ left: `${(AGREES_FROM / STRENGTH_MAX) * 100}%` }}
                />
              </span>
              <span className="min-w-0 text-n9 max-md:col-span-2">
                {readingWords(reading)}
                <span className="text-n8"> · {readingVerdict(reading)}</span>
              </span>
            </li>
          );
        })}
      </ul>
      <p className="text-sm text-n8">
        {agreeing} of {evidence.families.length} kinds of signal agree; it takes two of different kinds.
      </p>
    </div>
  );
}
