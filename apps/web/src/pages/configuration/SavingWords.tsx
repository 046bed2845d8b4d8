import type { OtherConfigurationDraft } from "@flowplane/contract";
import { problemText } from "../../api/problem.ts";
import { useNow } from "../../lib/now.ts";
import { relativeTime } from "../../lib/time.ts";
import { TEXT_LINK } from "../../ui/link.ts";
import { StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import type { DraftKeeper, Saving } from "./DraftKeeper.ts";

/** Where the draft is, in a few calm words; what needs the person is said and offers what can be done. */
export function SavingWords({ saving, keeper }: { saving: Saving; keeper: DraftKeeper }) {
  switch (saving.kind) {
    case "none":
      return null;
    case "saving":
      return <span className="text-n8">Saving the draft…</span>;
    case "saved":
      return (
        <span className="inline-flex items-baseline gap-1.5">
          <StateShape tone="ok" />
          <span>
            Draft saved <Time at={saving.at} className="text-n8" />
          </span>
        </span>
      );
    case "failed":
      return (
        <span role="status">
          <StateShape tone="attention" className="mr-1.5 inline" />
          The draft could not be saved: {problemText(saving.error).sentence} It is kept in this browser
          {saving.retryInMs === null ? ". " : " and tried again by itself. "}
          <Choice onClick={() => keeper.flush()}>Try now</Choice>
        </span>
      );
    case "elsewhere":
      return (
        <span role="status">
          <StateShape tone="attention" className="mr-1.5 inline" />
          {saving.there === null ? (
            "Your draft was saved or discarded in another window. "
          ) : (
            <>
              Your draft went on in another window, <Time at={saving.there.updated_at} />.{" "}
            </>
          )}
          <Choice onClick={() => keeper.takeTheirs()}>
            {saving.there === null ? "Drop what is here" : "Show that one"}
          </Choice>{" "}
          or <Choice onClick={() => keeper.keepMine()}>keep this one</Choice>.
        </span>
      );
  }
}

function Choice({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <button type="button" className={`${TEXT_LINK} rounded-sm`} onClick={onClick}>
      {children}
    </button>
  );
}

/** "Ada has a draft, 3 h old." What stands in it is Ada's until she saves it. */
export function OtherDrafts({ others }: { others: readonly OtherConfigurationDraft[] }) {
  const now = useNow();
  if (others.length === 0) return null;
  const words = others
    .slice(0, NAMED_MAX)
    .map(
      ({ name, updated_at }) =>
        `${name} has a draft, last changed ${relativeTime(Date.parse(updated_at), now)}`,
    );
  const rest = others.length - words.length;
  return (
    <p className="text-sm text-n8">
      {words.join("; ")}
      {rest === 0 ? "" : `; ${rest} more ${rest === 1 ? "has" : "have"} one`}.
    </p>
  );
}

const NAMED_MAX = 2;
