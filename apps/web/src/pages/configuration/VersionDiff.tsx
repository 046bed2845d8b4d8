import { DiffView } from "../../diff/DiffView.tsx";
import type { PartDiff } from "./partDiffs.ts";

interface VersionDiffProps {
  readonly label: string;
  readonly diffs: readonly PartDiff[];
  readonly split?: boolean;
  readonly names?: { readonly before: string; readonly after: string };
  /** What to say when nothing differs. */
  readonly same?: string;
}

/** What differs between two versions: the base, and each overlay with its condition and place. */
export function VersionDiff({
  label,
  diffs,
  split = false,
  names,
  same = "Nothing differs.",
}: VersionDiffProps) {
  const head = names === undefined ? {} : { names };
  if (diffs.length === 0) return <p className="text-n8">{same}</p>;
  const [only, ...others] = diffs;
  if (only?.part === undefined && others.length === 0)
    return <DiffView label={label} rows={only?.rows ?? []} split={split} {...head} />;
  return (
    <div className="flex min-w-0 flex-col gap-4">
      {diffs.map((diff) => (
        <div key={`${diff.change} ${diff.part ?? ""}`} className="flex min-w-0 flex-col gap-1.5">
          <h3 className="font-medium">{titleOf(diff)}</h3>
          {diff.selector === undefined ? null : (
            <p className="break-words">
              For agents where{" "}
              {diff.selector.before === undefined ? null : (
                <del className="bg-bad-soft font-mono text-sm no-underline">− {diff.selector.before}</del>
              )}
              {diff.selector.before === undefined || diff.selector.after === undefined ? null : " is now "}
              {diff.selector.after === undefined ? null : (
                <ins className="bg-ok-soft font-mono text-sm no-underline">+ {diff.selector.after}</ins>
              )}
            </p>
          )}
          {diff.moved === undefined ? null : <p>It is laid on {diff.moved} than before.</p>}
          {diff.rows.length === 0 ? null : (
            <DiffView label={`${label}, ${titleOf(diff)}`} rows={diff.rows} split={split} {...head} />
          )}
        </div>
      ))}
    </div>
  );
}

function titleOf({ part, change }: PartDiff): string {
  if (part === undefined) return "Base";
  return change === "changed" ? `Overlay ${part}` : `Overlay ${part}, ${change}`;
}
