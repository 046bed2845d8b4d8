import { Outlet } from "@tanstack/react-router";
import { paths } from "../../paths.ts";
import { Tabs } from "../../ui/Tabs.tsx";

export default function SettingsPage() {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="px-6 pt-5 pb-2 max-md:px-4">
        <h1 className="text-xl font-semibold tracking-tight">Settings</h1>
      </header>
      <Tabs
        label="Settings"
        tabs={[
          { name: "Secrets", link: paths.secrets(), exact: true },
          { name: "Sites", link: paths.sites() },
          { name: "Retention", link: paths.retention() },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}
