import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
import { MODE_LOOK } from "../../api/states.ts";
import { paths } from "../../paths.ts";
import { buttonClass } from "../../ui/Button.tsx";
import { ShortId } from "../../ui/Copy.tsx";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { TabPage } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";
import { PolicyDiff, PolicyLines } from "./PolicyLines.tsx";

const VERSIONS_MAX = 200;

/** Every version, and what the chosen one changed. */
export default function PolicyVersions() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId" });
  const search = useSearch({ from: "/frame/policies/$policyId" });
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(
    q("policyVersionList", { params: { policy_id: policyId }, query: { limit: VERSIONS_MAX } }),
  );
  if (error !== null) return <Problem error={error} onRetry={() => void refetch()} />;
  if (data === undefined) {
    return (
      <TabPage>
        <Rows count={6} />
      </TabPage>
    );
  }
  const chosen = data.items.find(({ version }) => version === search.version) ?? data.items[0];
  const before = data.items.find(({ version }) => version === (chosen?.version ?? 0) - 1);
  return (
    <TabPage>
      <div className="grid gap-8 lg:grid-cols-[320px_minmax(0,1fr)]">
        <Section title="Versions">
          <ul className="flex flex-col overflow-hidden rounded-md border border-n4">
            {data.items.map((version) => (
              <li key={version.version} className="border-t border-n4 first:border-t-0">
                <button
                  type="button"
                  aria-pressed={version === chosen}
                  onClick={() =>
                    void navigate({
                      ...paths.policyTab(policyId, "versions", { version: version.version }),
                      replace: true,
                    })
                  }
                  className="flex w-full flex-col gap-0.5 px-3 py-2 text-left hover:bg-n1 focus-visible:-outline-offset-2 aria-pressed:bg-n3"
                >
                  <span className="flex w-full items-baseline gap-2">
                    <span className="font-medium">v{version.version}</span>
                    <StateMark {...MODE_LOOK[version.document.mode]} />
                    <Time at={version.created_at} className="ml-auto text-sm text-n8" />
                  </span>
                  <span className="break-words text-n9">{version.message}</span>
                  <span className="text-sm text-n8">{version.created_by.name}</span>
                </button>
              </li>
            ))}
          </ul>
        </Section>
        {chosen === undefined ? null : (
          <div className="flex min-w-0 flex-col gap-6">
            <Section
              title={before === undefined ? "The first version" : `What v${chosen.version} changed`}
              aside={
                <Link
                  {...paths.editPolicy(policyId, { version: chosen.version })}
                  className={buttonClass("plain", "h-7")}
                >
                  Begin a new version with it
                </Link>
              }
            >
              {before === undefined ? (
                <p className="text-n9">{chosen.message}</p>
              ) : (
                <PolicyDiff before={before.document} after={chosen.document} />
              )}
            </Section>
            <Section title={`What v${chosen.version} says`}>
              <PolicyLines document={chosen.document} />
              <p className="flex items-center gap-1 text-sm text-n8">
                Hash <ShortId id={chosen.hash} label="hash" />
              </p>
            </Section>
          </div>
        )}
      </div>
    </TabPage>
  );
}
