import { useSuspenseQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useSyncExternalStore } from "react";
import type { ConfigurationDraft } from "@flowplane/contract";
import { useMe } from "../../api/me.ts";
import { call, q, queryClient } from "../../api/query.ts";
import { readStorage, writeStorage } from "../../lib/stored.ts";
import { sameText } from "./configurationText.ts";
import { DraftKeeper, type DraftPorts } from "./DraftKeeper.ts";
import { parseUnsent } from "./unsent.ts";

/** Those of pages that are open, and those that the control plane does not have yet. */
const keepers = new Map<string, DraftKeeper>();

/** The person's draft of a configuration, the same in all its tabs, and who else has one. The route's loader has read it. */
export function useDraft(configurationId: string) {
  const { actor } = useMe();
  const { draft: server, others } = useSuspenseQuery(draftQuery(configurationId)).data;
  const key = `flowplane.draft.${configurationId}.${actor.id}`;
  const keeper = keeperOf(key, configurationId, server);
  const subscribe = useCallback(
    (listener: () => void) => {
      keepers.set(key, keeper);
      const unsubscribe = keeper.subscribe(listener);
      return () => {
        unsubscribe();
        if (keeper.isWatched) return;
        keeper.flush();
        if (keeper.isKept) keepers.delete(key);
      };
    },
    [key, keeper],
  );
  const state = useSyncExternalStore(subscribe, () => keeper.state);
  useEffect(() => keeper.adopt(server), [keeper, server]);
  useEffect(() => {
    const onHidden = () => (document.visibilityState === "hidden" ? keeper.flush() : undefined);
    document.addEventListener("visibilitychange", onHidden);
    return () => document.removeEventListener("visibilitychange", onHidden);
  }, [keeper]);
  return { ...state, keeper, others };
}

export function draftQuery(configurationId: string) {
  return q("configurationDraftRead", { params: { configuration_id: configurationId } });
}

function keeperOf(key: string, configurationId: string, server: ConfigurationDraft | null): DraftKeeper {
  const known = keepers.get(key);
  if (known !== undefined) return known;
  const made = new DraftKeeper(portsOf(key, configurationId), server, parseUnsent(readStorage(key)));
  keepers.set(key, made);
  return made;
}

function portsOf(key: string, configurationId: string): DraftPorts {
  const params = { configuration_id: configurationId };
  const { queryKey } = draftQuery(configurationId);
  const remember = async (draft: ConfigurationDraft | null) => {
    // What is being read now may be older than this.
    await queryClient.cancelQueries({ queryKey });
    queryClient.setQueryData(queryKey, (before) => ({ draft, others: before?.others ?? [] }));
  };
  return {
    async put({ body, overlays, base }, revision) {
      const kept = await call("configurationDraftPut")({
        params,
        body: {
          body,
          overlays: [...overlays],
          based_on: base,
          ...(revision === undefined ? {} : { revision }),
        },
      });
      await remember(kept);
      return kept;
    },
    async read() {
      return (await call("configurationDraftRead")({ params })).draft;
    },
    async discard() {
      await call("configurationDraftDiscard")({ params });
      await remember(null);
    },
    saysNothing(draft) {
      const current = queryClient.getQueryData(q("configurationRead", { params }).queryKey)?.current_version;
      const version = queryClient.getQueryData(
        q("configurationVersionRead", { params: { ...params, version: String(draft.base) } }).queryKey,
      );
      return draft.base === current && version !== undefined && sameText(draft, version);
    },
    keepHere: (unsent) => void writeStorage(key, unsent === undefined ? undefined : JSON.stringify(unsent)),
    after(ms, run) {
      const timer = window.setTimeout(run, ms);
      return () => window.clearTimeout(timer);
    },
  };
}
