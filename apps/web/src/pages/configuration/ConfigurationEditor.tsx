import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useParams, useSearch } from "@tanstack/react-router";
import { Save } from "lucide-react";
import { useMemo, useState } from "react";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { changed, diffLines } from "../../diff/lines.ts";
import { useKeys } from "../../frame/keys.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Problem } from "../../ui/Problem.tsx";
import { PageSkeleton } from "../../ui/Skeleton.tsx";
import { useDraft, type Draft } from "./draft.ts";
import { SaveDialog } from "./SaveDialog.tsx";
import { cannotSave, useCheck } from "./useCheck.ts";
import { Workbench } from "./Workbench.tsx";

/** The current version as a draft that changes nothing until it is saved, and no agent until it is rolled out. */
export default function ConfigurationEditor() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const params = { configuration_id: configurationId };
  const { current_version: current } = useSuspenseQuery(q("configurationRead", { params })).data;
  const { draft, isKept, change, discard } = useDraft(configurationId);
  const base = draft?.base ?? current;
  const { data, error, refetch } = useQuery({
    ...q("configurationVersionRead", { params: { ...params, version: String(base) } }),
    // A version never changes.
    staleTime: "static",
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) return <PageSkeleton />;
  return (
    <Editing
      key={configurationId}
      configurationId={configurationId}
      current={current}
      before={data.body}
      draft={draft ?? { base, text: data.body }}
      isKept={isKept}
      onChange={change}
      onDiscard={discard}
    />
  );
}

interface EditingProps {
  readonly configurationId: string;
  readonly current: number;
  /** The text of the version the draft began with. */
  readonly before: string;
  readonly draft: Draft;
  readonly isKept: boolean;
  readonly onChange: (draft: Draft) => void;
  readonly onDiscard: () => void;
}

function Editing({ configurationId, current, before, draft, isKept, onChange, onDiscard }: EditingProps) {
  const mayNot = useMayNot("configuration:write");
  const { line } = useSearch({ from: "/frame/configurations/$configurationId" });
  const [isSaving, setIsSaving] = useState(false);
  const checked = useCheck(draft.text);
  const isSame = draft.text === before;
  const isBehind = draft.base !== current;
  const counts = useMemo(() => changed(diffLines(before, draft.text)), [before, draft.text]);
  const whyNot = mayNot ?? (isSame ? "Nothing differs from the version." : cannotSave(draft.text, checked));
  useKeys([
    {
      keys: "mod+s",
      does: "Save as a version",
      run: () => (whyNot === undefined ? setIsSaving(true) : say(whyNot)),
    },
  ]);
  return (
    <>
      <Workbench
        text={draft.text}
        onChange={(text) => onChange({ base: draft.base, text })}
        checked={checked}
        line={line}
        bar={
          <>
            <p className="min-w-0 flex-1 text-n9">
              {isSame ? (
                <>v{draft.base}, as it was saved. What you type becomes a draft in this browser.</>
              ) : (
                <>
                  Draft on v{draft.base}: {counted(counts.added, "line")} added, {counts.removed} removed.{" "}
                  {isKept ? "Kept in this browser." : "This browser keeps nothing; save it before you leave."}
                </>
              )}
              {isBehind ? (
                <>
                  {" "}
                  <strong className="font-semibold text-attention">
                    v{current} was saved meanwhile
                  </strong>:{" "}
                  <Link
                    {...paths.configurationTab(configurationId, "versions", {
                      version: current,
                      from: draft.base,
                    })}
                    className={TEXT_LINK}
                  >
                    see what it changed
                  </Link>
                  , or{" "}
                  <button
                    type="button"
                    className={`${TEXT_LINK} rounded-sm`}
                    onClick={() => onChange({ base: current, text: draft.text })}
                  >
                    put your text on top of it
                  </button>
                  .
                </>
              ) : null}
            </p>
            <Button
              look="quiet"
              whyNot={isSame && !isBehind ? "There is no draft." : undefined}
              onClick={() => {
                const kept = draft;
                onDiscard();
                say("The draft is discarded", () => onChange(kept));
              }}
            >
              Discard
            </Button>
            <Button
              look="primary"
              icon={<Save size={14} aria-hidden="true" />}
              whyNot={whyNot}
              onClick={() => setIsSaving(true)}
            >
              Save…
            </Button>
          </>
        }
      />
      {isSaving ? (
        <SaveDialog
          configurationId={configurationId}
          current={current}
          before={before}
          draft={draft}
          checked={checked}
          onSaved={onDiscard}
          onClose={() => setIsSaving(false)}
        />
      ) : null}
    </>
  );
}
