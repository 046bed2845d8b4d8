import { problemText } from "../api/problem.ts";
import { Button } from "./Button.tsx";
import { CopyButton } from "./Copy.tsx";
import { StateShape } from "./StateMark.tsx";

/** An error as a sentence with what to do next, and the request's id to copy. */
export function Problem({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, sentence, details, requestId } = problemText(error);
  return (
    <div role="alert" className="flex flex-col gap-1 rounded-md border border-bad/40 bg-bad-soft px-3 py-2">
      <p className="flex items-baseline gap-2">
        <StateShape tone="bad" />
        <span>
          <strong className="font-semibold">{title}.</strong> {sentence}
        </span>
      </p>
      {details.map((detail) => (
        <p key={detail} className="pl-[18px] text-n9">
          {detail}
        </p>
      ))}
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 pl-[18px] text-sm text-n9">
        {requestId === "" ? null : (
          <span className="inline-flex items-center gap-0.5">
            request_id <span className="font-mono break-all">{requestId}</span>
            <CopyButton text={requestId} label="Copy request_id" />
          </span>
        )}
        {onRetry === undefined ? null : <Button onClick={onRetry}>Try again</Button>}
      </div>
    </div>
  );
}
