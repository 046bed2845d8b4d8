import { Link, useRouterState } from "@tanstack/react-router";
import { queryClient, q } from "../api/query.ts";
import { useMe } from "../api/me.ts";
import { paths } from "../paths.ts";
import { PLACES } from "./nav.ts";

/** Organization › place › thing. On a narrow screen the last part is enough. */
export function Breadcrumb() {
  const { organization } = useMe();
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const [, first = "", id] = pathname.split("/");
  const place = PLACES.find(({ link }) => link.to === `/${first}`);
  const thing = id === undefined ? undefined : nameOf(first, id);
  return (
    <nav aria-label="Breadcrumb" className="min-w-0">
      <ol className="flex min-w-0 items-center gap-2 text-n8">
        <li className="truncate max-md:hidden">
          <Link {...paths.overview()} className="hover:text-n10">
            {organization.name}
          </Link>
        </li>
        {place === undefined ? null : (
          <li className={`flex min-w-0 gap-2 ${thing === undefined ? "" : "max-sm:hidden"}`}>
            <span aria-hidden="true" className="text-n7 max-md:hidden">
              /
            </span>
            {thing === undefined ? (
              <span className="truncate text-n10">{place.name}</span>
            ) : (
              <Link {...place.link} className="hover:text-n10">
                {place.name}
              </Link>
            )}
          </li>
        )}
        {thing === undefined ? null : (
          <li className="flex min-w-0 gap-2">
            <span aria-hidden="true" className="text-n7 max-sm:hidden">
              /
            </span>
            <span className="truncate text-n10">{thing}</span>
          </li>
        )}
      </ol>
    </nav>
  );
}

/** The loader has read it before the page shows, so the cache knows the name. */
function nameOf(place: string, id: string): string | undefined {
  if (place === "agents") {
    return (
      queryClient.getQueryData(q("agentRead", { params: { agent_id: id } }).queryKey)?.name ?? id.slice(-8)
    );
  }
  if (place === "runs") {
    return queryClient.getQueryData(q("runRead", { params: { run_id: id } }).queryKey)?.name ?? id.slice(-8);
  }
  if (place === "incidents") {
    if (id === "saved-log") return "Saved log";
    return (
      queryClient.getQueryData(q("incidentRead", { params: { incident_id: id } }).queryKey)?.run_name ??
      id.slice(-8)
    );
  }
  if (place === "jobs") {
    if (id === "new") return "New";
    if (id === "calendar") return "Calendar";
    return queryClient.getQueryData(q("jobRead", { params: { job_id: id } }).queryKey)?.name ?? id.slice(-8);
  }
  if (place === "configurations") {
    if (id === "new") return "New";
    const { queryKey } = q("configurationRead", { params: { configuration_id: id } });
    return queryClient.getQueryData(queryKey)?.name ?? id.slice(-8);
  }
  if (place === "packages") {
    const { queryKey } = q("packageRead", { params: { package_id: id } });
    return queryClient.getQueryData(queryKey)?.name ?? id.slice(-8);
  }
  if (place === "rollouts") {
    if (id === "new") return "New";
    const rollout = queryClient.getQueryData(q("rolloutRead", { params: { rollout_id: id } }).queryKey);
    return rollout === undefined ? id.slice(-8) : `${rollout.configuration_name} v${rollout.version}`;
  }
  if (place === "policies") {
    if (id === "new") return "New";
    return (
      queryClient.getQueryData(q("policyRead", { params: { policy_id: id } }).queryKey)?.name ?? id.slice(-8)
    );
  }
  return undefined;
}
