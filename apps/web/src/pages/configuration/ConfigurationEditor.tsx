import { keepPreviousData, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Save } from "lucide-react";
import { useMemo, useState } from "react";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { useKeys } from "../../frame/keys.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Problem } from "../../ui/Problem.tsx";
import { PageSkeleton } from "../../ui/Skeleton.tsx";
import { sameText, type ConfigurationText } from "./configurationText.ts";
import { DiscardDialog } from "./DiscardDialog.tsx";
import type { Draft } from "./DraftKeeper.ts";
import { countLines, partDiffs } from "./partDiffs.ts";
import { SaveDialog } from "./SaveDialog.tsx";
import { OtherDrafts, SavingWords } from "./SavingWords.tsx";
import { cannotSave, useCheck } from "./useCheck.ts";
import { useDraft } from "./useDraft.ts";
import { Workbench } from "./Workbench.tsx";

/** The current version as a draft that changes nothing until it is saved, and no agent until it is rolled out. */
export default function ConfigurationEditor() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const params = { configuration_id: configurationId };
  const { current_version: current } = useSuspenseQuery(q("configurationRead", { params })).data;
  const { draft } = useDraft(configurationId);
  const base = draft?.base ?? current;
  const { data, isPlaceholderData, error, refetch } = useQuery({
    ...q("configurationVersionRead", { params: { ...params, version: String(base) } }),
    // A version never changes.
    staleTime: "static",
    // Another base under a draft does not close the editor; without a draft the text is the version's own.
    placeholderData: keepPreviousData,
  });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined || (isPlaceholderData && draft === undefined)) return <PageSkeleton />;
  return (
    <Editing
      key={configurationId}
      configurationId={configurationId}
      current={current}
      before={data}
      draft={draft ?? { base, body: data.body, overlays: data.overlays }}
    />
  );
}

interface EditingProps {
  readonly configurationId: string;
  readonly current: number;
  /** The version the draft began with. */
  readonly before: ConfigurationText;
  readonly draft: Draft;
}

function Editing({ configurationId, current, before, draft }: EditingProps) {
  const navigate = useNavigate();
  const mayNot = useMayNot("configuration:write");
  const search = useSearch({ from: "/frame/configurations/$configurationId" });
  const { keeper, saving, others } = useDraft(configurationId);
  const [asks, setAsks] = useState<"save" | "discard" | undefined>(undefined);
  const checked = useCheck(draft);
  const isSame = sameText(draft, before);
  const isBehind = draft.base !== current;
  const counts = useMemo(() => countLines(partDiffs(before, draft)), [before, draft]);
  const whyNot = mayNot ?? (isSame ? "Nothing differs from the version." : cannotSave(draft, checked));
  useKeys([
    {
      keys: "mod+s",
      does: "Save as a version",
      run: () => (whyNot === undefined ? setAsks("save") : say(whyNot)),
    },
  ]);
  return (
    <>
      <Workbench
        text={draft}
        onChange={(text) => keeper.change({ ...text, base: draft.base })}
        checked={checked}
        part={search.overlay}
        onPart={(overlay) =>
          void navigate({ ...paths.configurationTab(configurationId, "", { overlay }), replace: true })
        }
        line={search.line}
        whyNot={mayNot}
        bar={
          <>
            <div className="flex min-w-0 flex-1 basis-80 flex-col text-n9">
              <p className="min-w-0">
                {isSame && saving.kind === "none" ? (
                  <>
                    v{draft.base}, as it was saved. {mayNot ?? "What you type is kept as your draft."}
                  </>
                ) : (
                  <>
                    Your draft on v{draft.base}:{" "}
                    {isSame
                      ? "nothing differs"
                      : counts.added + counts.removed === 0
                        ? "overlays differ"
                        : `${counted(counts.added, "line")} added, ${counts.removed} removed`}
                    {" · "}
                    <SavingWords saving={saving} keeper={keeper} />
                  </>
                )}
              </p>
              <OtherDrafts others={others} />
              {isBehind ? (
                <p role="status">
                  <strong className="font-semibold text-attention">
                    v{current} was saved since you began
                  </strong>
                  :{" "}
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
                    onClick={() => keeper.change({ ...draft, base: current })}
                  >
                    put your text in its place
                  </button>
                  .
                </p>
              ) : null}
            </div>
            <Button
              look="quiet"
              whyNot={mayNot ?? (saving.kind === "none" ? "There is no draft." : undefined)}
              onClick={() => setAsks("discard")}
            >
              Discard draft…
            </Button>
            <Button
              look="primary"
              icon={<Save size={14} aria-hidden="true" />}
              whyNot={whyNot}
              onClick={() => setAsks("save")}
            >
              Save…
            </Button>
          </>
        }
      />
      {asks === "save" ? (
        <SaveDialog
          configurationId={configurationId}
          current={current}
          before={before}
          draft={draft}
          checked={checked}
          keeper={keeper}
          onClose={() => setAsks(undefined)}
        />
      ) : null}
      {asks === "discard" ? (
        <DiscardDialog base={draft.base} counts={counts} keeper={keeper} onClose={() => setAsks(undefined)} />
      ) : null}
    </>
  );
}
