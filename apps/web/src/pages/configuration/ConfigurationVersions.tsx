import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { useNarrow } from "../../lib/narrow.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import type { ConfigurationSearch } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Code } from "../../ui/Code.tsx";
import { ShortId } from "../../ui/Copy.tsx";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import type { ConfigurationText } from "./configurationText.ts";
import { VersionDiff } from "./VersionDiff.tsx";
import { partDiffs } from "./partDiffs.ts";
import { useDraft } from "./useDraft.ts";

const VERSIONS_MAX = 200;
const VIEWS = [
  { value: undefined, word: "One column" },
  { value: "split", word: "Side by side" },
] as const;

/** Every version, what the chosen one changed, and where each one runs. */
export default function ConfigurationVersions() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const search = useSearch({ from: "/frame/configurations/$configurationId" });
  const navigate = useNavigate();
  const params = { configuration_id: configurationId };
  const { data, error, refetch } = useQuery(
    q("configurationVersionList", { params, query: { limit: VERSIONS_MAX } }),
  );
  const places = useQuery(q("configurationPlaces", { params })).data?.items ?? [];
  const choose = (part: ConfigurationSearch) =>
    void navigate({
      ...paths.configurationTab(configurationId, "versions", { ...search, ...part }),
      replace: true,
    });
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  const chosen = data?.items.find(({ version }) => version === search.version) ?? data?.items[0];
  if (data === undefined || chosen === undefined) {
    return (
      <TabPage>
        <Rows count={6} />
      </TabPage>
    );
  }
  return (
    <TabPage wide>
      <div className="grid gap-8 lg:grid-cols-[300px_minmax(0,1fr)]">
        <Section title="Versions">
          <ul className="flex flex-col overflow-hidden rounded-md border border-n4 max-lg:max-h-72 max-lg:overflow-y-auto">
            {data.items.map((version) => {
              const agents = places.find((place) => place.version === version.version)?.agents ?? 0;
              return (
                <li key={version.version} className="border-t border-n4 first:border-t-0">
                  <button
                    type="button"
                    aria-pressed={version === chosen}
                    onClick={() => choose({ version: version.version, from: undefined })}
                    className="flex w-full flex-col gap-0.5 px-3 py-2 text-left hover:bg-n1 focus-visible:-outline-offset-2 aria-pressed:bg-n3"
                  >
                    <span className="flex w-full items-baseline gap-2">
                      <span className="font-medium">v{version.version}</span>
                      {agents === 0 ? null : <span className="text-n9">{counted(agents, "agent")}</span>}
                      {version.warnings === 0 ? null : (
                        <span className="text-sm text-attention">{counted(version.warnings, "warning")}</span>
                      )}
                      <Time at={version.created_at} className="ml-auto text-sm text-n8" />
                    </span>
                    <span className="break-words text-n9">{version.message}</span>
                    <span className="text-sm text-n8">{version.created_by.name}</span>
                  </button>
                </li>
              );
            })}
          </ul>
        </Section>
        <Chosen
          key={`${chosen.version} ${search.from ?? ""}`}
          configurationId={configurationId}
          version={chosen.version}
          hash={chosen.hash}
          others={data.items.map(({ version }) => version).filter((version) => version !== chosen.version)}
          from={search.from ?? (chosen.version > 1 ? chosen.version - 1 : undefined)}
          onFrom={(from) => choose({ version: chosen.version, from })}
        />
      </div>
    </TabPage>
  );
}

interface ChosenProps {
  readonly configurationId: string;
  readonly version: number;
  readonly hash: string;
  readonly others: readonly number[];
  readonly from: number | undefined;
  readonly onFrom: (version: number) => void;
}

function Chosen({ configurationId, version, hash, others, from, onFrom }: ChosenProps) {
  const isNarrow = useNarrow();
  const [view, setView] = useState<"split" | undefined>(undefined);
  const after = useText(configurationId, version);
  const before = useText(configurationId, from);
  const diffs = useMemo(
    () => (after === undefined || before === undefined ? undefined : partDiffs(before, after)),
    [before, after],
  );
  return (
    <div className="flex min-w-0 flex-col gap-6">
      <div className="flex flex-wrap items-center gap-2">
        {others.length === 0 ? null : (
          <label className="flex items-center gap-2 text-n9">
            v{version} against
            <select
              value={from}
              onChange={(event) => onFrom(Number(event.target.value))}
              className="h-8 rounded-md border border-n7 bg-n0 px-2 pr-7 text-n10 max-md:h-10"
            >
              {others.map((other) => (
                <option key={other} value={other}>
                  v{other}
                </option>
              ))}
            </select>
          </label>
        )}
        {isNarrow || others.length === 0 ? null : (
          <Scopes label="How to show it" scopes={VIEWS} chosen={view} onChoose={setView} />
        )}
        <span className="flex-1" />
        <Actions configurationId={configurationId} version={version} text={after} />
      </div>
      {from === undefined ? null : (
        <Section title={`What v${version} does otherwise than v${from}`}>
          <Changes configurationId={configurationId} from={from} to={version} />
          {diffs === undefined ? (
            <Rows count={6} />
          ) : (
            <VersionDiff
              label={`Difference of v${from} and v${version}`}
              diffs={diffs}
              split={view === "split" && !isNarrow}
              names={{ before: `v${from}`, after: `v${version}` }}
              same="The texts are equal."
            />
          )}
        </Section>
      )}
      <Section
        title={`v${version} whole`}
        aside={
          <span className="flex items-center gap-1">
            hash <ShortId id={hash} label="hash" />
          </span>
        }
      >
        {after === undefined ? <Rows count={6} /> : <Code text={after.body} label={`Version ${version}`} />}
        {after?.overlays.map(({ name, selector, body }, index) => (
          <div key={name} className="flex min-w-0 flex-col gap-1.5 pt-2">
            <h3 className="font-medium">
              Overlay {index + 1}, {name}
            </h3>
            <p className="break-words text-n9">
              For agents where <code className="font-mono text-sm">{selector}</code>
            </p>
            <Code text={body} label={`Overlay ${name} of version ${version}`} />
          </div>
        ))}
      </Section>
    </div>
  );
}

/** Which components it adds, removes and sets otherwise. */
function Changes({ configurationId, from, to }: { configurationId: string; from: number; to: number }) {
  const changes = useQuery({
    ...q("configurationDiff", { params: { configuration_id: configurationId }, query: { from, to } }),
    staleTime: "static",
  }).data?.changes;
  if (changes === undefined || changes.length === 0) return null;
  return (
    <ul className="flex flex-wrap gap-x-4 gap-y-1 text-n9">
      {changes.map(({ overlay, change, what, id, settings }) => (
        <li key={`${overlay ?? ""}/${change} ${what} ${id}`}>
          {overlay === undefined ? "" : `${overlay}: `}
          {change} {what} <code className="font-mono text-sm">{id}</code>
          {settings.length === 0 ? "" : `: ${settings.map((path) => path.join(" › ")).join(", ")}`}
        </li>
      ))}
    </ul>
  );
}

function Actions({
  configurationId,
  version,
  text,
}: {
  configurationId: string;
  version: number;
  text: ConfigurationText | undefined;
}) {
  const navigate = useNavigate();
  const { keeper, draft } = useDraft(configurationId);
  const mayNotWrite = useMayNot("configuration:write");
  const mayNotRollOut = useMayNot("rollout:write");
  const { current_version } = useSuspenseQuery(
    q("configurationRead", { params: { configuration_id: configurationId } }),
  ).data;
  return (
    <div className="flex flex-wrap gap-2">
      {version === current_version ? null : (
        <Button
          whyNot={mayNotWrite ?? (text === undefined ? "Its text is not here yet." : undefined)}
          onClick={() => {
            if (text === undefined) return;
            const { body, overlays } = text;
            keeper.change({ base: current_version, body, overlays });
            say(
              `Your draft is v${number(version)} now`,
              draft === undefined ? undefined : () => keeper.change(draft),
            );
            void navigate(paths.configuration(configurationId));
          }}
        >
          Begin a draft with it
        </Button>
      )}
      <Button
        whyNot={mayNotRollOut}
        onClick={() => void navigate(paths.newRollout({ configuration_id: configurationId, version }))}
      >
        Roll out v{version}…
      </Button>
    </div>
  );
}

/** The text of a version, which never changes; undefined until it is here. */
function useText(configurationId: string, version: number | undefined): ConfigurationText | undefined {
  return useQuery({
    ...q("configurationVersionRead", {
      params: { configuration_id: configurationId, version: String(version ?? 1) },
    }),
    enabled: version !== undefined,
    staleTime: "static",
  }).data;
}
