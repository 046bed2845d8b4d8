import { useQuery, useSuspenseQuery } from "@tanstack/react-query";
import { useParams, useSearch } from "@tanstack/react-router";
import { q } from "../../api/query.ts";
import { Problem } from "../../ui/Problem.tsx";
import { PageSkeleton } from "../../ui/Skeleton.tsx";
import { PolicyEditor } from "./PolicyEditor.tsx";

const VERSIONS_MAX = 200;

/** Begins with the current version, an older one, or what feedback suggests. */
export default function EditPolicyPage() {
  const { policyId } = useParams({ from: "/frame/policies/$policyId/edit" });
  const { version, suggestion } = useSearch({ from: "/frame/policies/$policyId/edit" });
  const params = { policy_id: policyId };
  const policy = useSuspenseQuery(q("policyRead", { params })).data;
  const versions = useQuery({
    ...q("policyVersionList", { params, query: { limit: VERSIONS_MAX } }),
    enabled: version !== undefined,
  });
  const suggestions = useQuery({ ...q("policySuggestions", { params }), enabled: suggestion !== undefined });
  const error = versions.error ?? suggestions.error;
  if (error !== null) return <Problem error={error} />;
  if (versions.isLoading || suggestions.isLoading) return <PageSkeleton />;
  const older = versions.data?.items.find((one) => one.version === version);
  const suggested = suggestion === undefined ? undefined : suggestions.data?.items[suggestion - 1];
  return (
    <PolicyEditor
      policy={policy}
      begun={suggested?.document ?? older?.document ?? policy.current}
      message={suggested?.title ?? (older === undefined ? "" : `Back to version ${older.version}`)}
    />
  );
}
