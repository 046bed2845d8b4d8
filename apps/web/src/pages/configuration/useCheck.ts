import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { CONFIGURATION_CHARS_MAX, OVERLAYS_CHARS_MAX, type ConfigurationProblem } from "@flowplane/contract";
import { q } from "../../api/query.ts";
import type { ConfigurationText } from "./configurationText.ts";

const TYPING_PAUSE_MS = 350;
/** Texts are large and every pause in typing makes another; old answers need not stay. */
const FORGET_MS = 5_000;
const NONE: readonly ConfigurationProblem[] = [];

/** What is wrong with a text and who could not take it, asked again a moment after the last change. */
export function useCheck(text: ConfigurationText) {
  const settled = useSettled(text);
  const tooLong = whyTooLong(settled);
  const canAsk = settled.body !== "" && tooLong === undefined;
  const { data, error, isFetching } = useQuery({
    ...q("configurationCheck", { body: { body: settled.body, overlays: [...settled.overlays] } }),
    enabled: canAsk,
    placeholderData: keepPreviousData,
    gcTime: FORGET_MS,
    retry: false,
  });
  const check = canAsk ? data : undefined;
  return {
    check,
    error,
    problems: check?.problems ?? NONE,
    isCurrent: settled === text && !isFetching,
    tooLong,
  };
}
export type Checked = ReturnType<typeof useCheck>;

/** How many Collectors each overlay matches, and which come together; at one site or at all. */
export function useMatches(
  { overlays }: ConfigurationText,
  { siteId, enabled = true }: { siteId?: string | undefined; enabled?: boolean } = {},
) {
  const settled = useSettled(overlays);
  return useQuery({
    ...q("configurationOverlayMatches", {
      body: {
        overlays: settled.map(({ name, selector }) => ({ name, selector })),
        ...(siteId === undefined ? {} : { site_id: siteId }),
      },
    }),
    enabled,
    placeholderData: keepPreviousData,
    retry: false,
  });
}

/** Why a text cannot be saved, or undefined when it can. */
export function cannotSave(
  { body }: ConfigurationText,
  { problems, isCurrent, tooLong }: Checked,
): string | undefined {
  if (body.trim() === "") return "Write something first.";
  if (tooLong !== undefined) return tooLong;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors > 0)
    return `${errors === 1 ? "An error keeps" : `${errors} errors keep`} it from being saved: a Collector would refuse it.`;
  return isCurrent ? undefined : "It is being checked.";
}

function whyTooLong({ body, overlays }: ConfigurationText): string | undefined {
  if (body.length > CONFIGURATION_CHARS_MAX) return `At most ${CONFIGURATION_CHARS_MAX / 1_024} KB of text.`;
  if (overlays.reduce((sum, overlay) => sum + overlay.body.length, 0) > OVERLAYS_CHARS_MAX)
    return `At most ${OVERLAYS_CHARS_MAX / 1_024} KB of overlays.`;
  return undefined;
}

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}
