import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { Api, EndpointInput } from "@flowplane/contract";
import { q } from "../../api/query.ts";

export type Target = EndpointInput<Api["rolloutPreview"]>["body"];
const TYPING_PAUSE_MS = 350;

/** What the rollout would do, asked again a moment after the form changed; undefined while it cannot be asked. */
export function usePreview(target: Target | undefined) {
  const key = target === undefined ? "" : JSON.stringify(target);
  const [settled, setSettled] = useState(key);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(key), TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [key]);
  const body = settled === "" ? undefined : (JSON.parse(settled) as Target);
  const { data, error, isFetching } = useQuery({
    ...q("rolloutPreview", { body: body ?? { configuration_id: "none", selector: "false" } }),
    enabled: body !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
  });
  return { preview: data, error, isCurrent: settled === key && !isFetching && error === null };
}
