import { keepPreviousData, useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { q } from "../../api/query.ts";
import { counted, number } from "../../lib/units.ts";
import { FilterInput } from "../../list/FilterInput.tsx";
import { paths } from "../../paths.ts";
import type { ConfigurationSearch } from "../../search.ts";
import { SelectField } from "../../ui/Field.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Empty, Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import type { ConfigurationText } from "./configurationText.ts";
import { ComposedFor } from "./ComposedFor.tsx";
import { combinationWords } from "./matchWords.ts";
import { useMatches } from "./useCheck.ts";
import { useDraft } from "./useDraft.ts";

const FOUND_MAX = 12;
const SITES_MAX = 200;

/** What agents would be sent: which texts the overlays come to, whom each is for, and one of them whole. */
export default function ConfigurationPreview() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const params = { configuration_id: configurationId };
  const { current_version: current } = useSuspenseQuery(q("configurationRead", { params })).data;
  const { draft } = useDraft(configurationId);
  const version = useQuery({
    ...q("configurationVersionRead", { params: { ...params, version: String(current) } }),
    staleTime: "static",
  });
  if (version.error !== null) return <Problem error={version.error} onRetry={() => void version.refetch()} />;
  const text = draft ?? version.data;
  return (
    <TabPage wide>
      {text === undefined ? (
        <Rows count={6} />
      ) : (
        <Previewed text={text} what={draft === undefined ? `v${current}` : "your draft"} />
      )}
    </TabPage>
  );
}

function Previewed({ text, what }: { text: ConfigurationText; what: string }) {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const search = useSearch({ from: "/frame/configurations/$configurationId" });
  const navigate = useNavigate();
  const matches = useMatches(text, { siteId: search.site_id });
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items ?? [];
  const choose = (part: ConfigurationSearch) =>
    void navigate({
      ...paths.configurationTab(configurationId, "preview", { ...search, ...part }),
      replace: true,
    });
  const combinations = matches.data?.combinations ?? [];
  const agentId = search.agent_id ?? combinations[0]?.examples[0]?.id;
  return (
    <div className="grid gap-8 lg:grid-cols-[320px_minmax(0,1fr)]">
      <div className="flex min-w-0 flex-col gap-6">
        <p className="text-n9">
          What an agent would be sent of {what}, with its references as they are written. Nothing is sent
          here.
        </p>
        <SelectField
          label="Site"
          value={search.site_id ?? ""}
          onChange={({ target }) =>
            choose({ site_id: target.value === "" ? undefined : target.value, agent_id: undefined })
          }
        >
          <option value="">All sites</option>
          {sites.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </SelectField>
        <Section title="Texts that come of it">
          {matches.error === null ? null : (
            <Problem error={matches.error} onRetry={() => void matches.refetch()} />
          )}
          {matches.data === undefined ? (
            matches.error === null ? (
              <Rows count={3} />
            ) : null
          ) : combinations.length === 0 ? (
            <p className="text-n8">No Collector is there yet.</p>
          ) : (
            <ul className="flex flex-col overflow-hidden rounded-md border border-n4">
              {combinations.map(({ overlays, agents, examples }) => (
                <li key={overlays.join(" ")} className="border-t border-n4 first:border-t-0">
                  <button
                    type="button"
                    aria-pressed={examples.some(({ id }) => id === agentId)}
                    onClick={() => choose({ agent_id: examples[0]?.id })}
                    className="flex w-full flex-col gap-0.5 px-3 py-2 text-left hover:bg-n1 focus-visible:-outline-offset-2 aria-pressed:bg-n3"
                  >
                    <span className="flex w-full items-baseline gap-2">
                      <span className="min-w-0 font-medium break-words">{combinationWords(overlays)}</span>
                      <span className="ml-auto shrink-0 text-n9">{counted(agents, "Collector")}</span>
                    </span>
                    <span className="text-sm break-words text-n8">
                      {examples.map(({ name }) => name).join(", ")}
                      {agents > examples.length ? ` and ${number(agents - examples.length)} more` : ""}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          )}
        </Section>
        <FindAgent siteId={search.site_id} onFound={(agent_id) => choose({ agent_id })} />
      </div>
      {agentId === undefined ? (
        matches.data === undefined ? null : (
          <Empty
            action={
              <Link {...paths.configurationTab(configurationId, "")} className={TEXT_LINK}>
                Back to the editor
              </Link>
            }
          >
            Once a Collector has enrolled{search.site_id === undefined ? "" : " at this site"}, this shows
            what it would be sent, line by line with the overlay that brought it.
          </Empty>
        )
      ) : (
        <ComposedFor text={text} agentId={agentId} />
      )}
    </div>
  );
}

/** Another Collector than those that stand for many. */
function FindAgent({ siteId, onFound }: { siteId: string | undefined; onFound: (id: string) => void }) {
  const [words, setWords] = useState("");
  const found = useQuery({
    ...q("agentList", {
      query: {
        kind: "collector",
        q: words,
        limit: FOUND_MAX,
        ...(siteId === undefined ? {} : { site_id: siteId }),
      },
    }),
    enabled: words !== "",
    placeholderData: keepPreviousData,
  }).data?.items;
  return (
    <Section title="A certain Collector">
      <FilterInput
        label="Find a Collector"
        placeholder="Name, host or label…"
        value={words}
        onChange={setWords}
      />
      {words === "" || found === undefined ? null : found.length === 0 ? (
        <p className="text-n8">No Collector is called so.</p>
      ) : (
        <ul className="flex flex-col">
          {found.map(({ id, name, hostname }) => (
            <li key={id} className="border-t border-n3 first:border-t-0">
              <button
                type="button"
                onClick={() => onFound(id)}
                className="flex min-h-8 w-full items-baseline gap-2 rounded-sm px-1 py-1 text-left hover:bg-n2"
              >
                <span className="min-w-0 truncate font-medium">{name}</span>
                <span className="min-w-0 truncate text-sm text-n8">{hostname ?? ""}</span>
              </button>
            </li>
          ))}
        </ul>
      )}
    </Section>
  );
}
