import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { Rocket } from "lucide-react";
import type { Api, Configuration, EndpointOutput } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { counted, number } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Button } from "../../ui/Button.tsx";
import { TEXT_LINK } from "../../ui/link.ts";
import { Tabs } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";

export default function ConfigurationPage() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const params = { configuration_id: configurationId };
  const configuration = useSuspenseQuery(q("configurationRead", { params })).data;
  const places = useQuery(q("configurationPlaces", { params })).data;
  const navigate = useNavigate();
  const mayNot = useMayNot("rollout:write");
  return (
    <div className="flex h-full min-h-0 flex-col max-md:overflow-y-auto">
      <header className="flex flex-wrap items-start gap-x-4 gap-y-2 px-6 pt-4 pb-2 max-md:px-4 max-md:pt-3">
        <div className="min-w-0 flex-1 basis-72">
          <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
            <span className="min-w-0 break-words">{configuration.name}</span>
            <span className="text-base font-normal tracking-normal text-n8">
              v{configuration.current_version}
            </span>
          </h1>
          <Sentence configuration={configuration} places={places?.items} />
        </div>
        <Button
          icon={<Rocket size={14} aria-hidden="true" />}
          whyNot={mayNot}
          onClick={() => void navigate(paths.newRollout({ configuration_id: configurationId }))}
        >
          Roll out…
        </Button>
      </header>
      <Tabs
        label="Configuration"
        tabs={[
          { name: "Editor", link: paths.configurationTab(configurationId, ""), exact: true },
          { name: "Preview", link: paths.configurationTab(configurationId, "preview") },
          { name: "Versions and differences", link: paths.configurationTab(configurationId, "versions") },
          { name: "Where it runs", link: paths.configurationTab(configurationId, "places") },
          { name: "Settings", link: paths.configurationTab(configurationId, "settings") },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}

type Places = EndpointOutput<Api["configurationPlaces"]>["items"];

function Sentence({ configuration, places }: { configuration: Configuration; places: Places | undefined }) {
  const { id, current_version, updated_at, description } = configuration;
  const all = (places ?? []).reduce((sum, { agents }) => sum + agents, 0);
  const current = places?.find(({ version }) => version === current_version)?.agents ?? 0;
  return (
    <p className="mt-0.5 max-w-[100ch] text-n9">
      {places === undefined ? null : (
        <>
          <Link {...paths.configurationTab(id, "places")} className={TEXT_LINK}>
            {all === 0
              ? "Assigned to no agent yet"
              : current === all
                ? `v${current_version} is assigned to ${counted(all, "agent")}`
                : `v${current_version} is assigned to ${number(current)} of ${counted(all, "agent")}, the others have older versions`}
          </Link>
          {" · "}
        </>
      )}
      changed <Time at={updated_at} />
      {configuration.warnings === 0 ? null : ` · ${counted(configuration.warnings, "warning")}`}
      {description === "" ? null : ` · ${description}`}
    </p>
  );
}
