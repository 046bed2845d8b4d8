import { Outlet } from "@tanstack/react-router";
import { paths } from "../../paths.ts";
import { Tabs } from "../../ui/Tabs.tsx";

export default function TokensPage() {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <header className="px-6 pt-5 pb-2 max-md:px-4">
        <h1 className="text-xl font-semibold tracking-tight">Tokens</h1>
      </header>
      <Tabs
        label="Tokens"
        tabs={[
          { name: "Enrolment tokens", link: paths.tokens(), exact: true },
          { name: "Bearers", link: paths.bearers() },
          { name: "API tokens", link: paths.apiTokens() },
        ]}
      />
      <div className="min-h-0 flex-1">
        <Outlet />
      </div>
    </div>
  );
}
