import { useSuspenseQuery } from "@tanstack/react-query";
import { Outlet, useParams } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
import { counted } from "../../lib/units.ts";
import { paths } from "../../paths.ts";
import { Tabs } from "../../ui/Tabs.tsx";
import { Time } from "../../ui/Time.tsx";

export default function ConfigurationPage() {
  const { configurationId } = useParams({ from: "/frame/configurations/$configurationId" });
  const configuration = useSuspenseQuery(
    q("configurationRead", { params: { configuration_id: configurationId } }),
  ).data;
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="px-6 pt-4 pb-2 max-md:px-4 max-md:pt-3">
        <h1 className="flex flex-wrap items-baseline gap-x-3 text-xl font-semibold tracking-tight">
          <span className="min-w-0 break-words">{configuration.name}</span>
          <span className="text-base font-normal tracking-normal text-n8">
            v{configuration.current_version}
          </span>
        </h1>
        <p className="mt-0.5 max-w-[100ch] text-n9">
          Changed <Time at={configuration.updated_at} />
          {configuration.warnings === 0 ? null : ` · ${counted(configuration.warnings, "warning")}`}
          {configuration.description === "" ? null : ` · ${configuration.description}`}
        </p>
      </header>
      <Tabs
        label="Configuration"
        tabs={[
          { name: "Editor", link: paths.configurationTab(configurationId, ""), exact: true },
          { name: "Versions and differences", link: paths.configurationTab(configurationId, "versions") },
          { name: "Settings", link: paths.configurationTab(configurationId, "settings") },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}
