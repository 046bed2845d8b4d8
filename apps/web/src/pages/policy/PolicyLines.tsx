import type { PolicyDocument } from "@flowplane/contract";
import { Fact, Facts } from "../../ui/Page.tsx";
import { policyDiff, policyLines } from "./policyWords.ts";

export function PolicyLines({ document }: { document: PolicyDocument }) {
  return (
    <Facts>
      {policyLines(document).map(({ name, value }) => (
        <Fact key={name} name={name}>
          {value}
        </Fact>
      ))}
    </Facts>
  );
}

/** What one document says otherwise than another, line by line. */
export function PolicyDiff({ before, after }: { before: PolicyDocument; after: PolicyDocument }) {
  const changes = policyDiff(before, after);
  if (changes.length === 0) return <p className="text-n9">They say the same.</p>;
  return (
    <dl className="flex flex-col overflow-hidden rounded-md border border-n4">
      {changes.map((change) => (
        <div
          key={change.name}
          className="grid gap-x-4 gap-y-0.5 border-t border-n4 px-3 py-2 first:border-t-0 md:grid-cols-[180px_minmax(0,1fr)]"
        >
          <dt className="text-n9">{change.name}</dt>
          <dd className="min-w-0 break-words">
            {change.before === undefined ? null : (
              <del className="block text-bad">
                <span aria-hidden="true" className="inline-block w-4">
                  −
                </span>
                {change.before}
              </del>
            )}
            {change.after === undefined ? null : (
              <ins className="block text-ok no-underline">
                <span aria-hidden="true" className="inline-block w-4">
                  +
                </span>
                {change.after}
              </ins>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}
