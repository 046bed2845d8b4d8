import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { CONFIGURATION_CHARS_MAX, type ConfigurationProblem } from "@flowplane/contract";
import { q } from "../../api/query.ts";

const TYPING_PAUSE_MS = 350;
/** Texts are large and every pause in typing makes another; old answers need not stay. */
const FORGET_MS = 5_000;
const NONE: readonly ConfigurationProblem[] = [];

/** What is wrong with a text and who could not take it, asked again a moment after the last change. */
export function useCheck(text: string) {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(text), TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text]);
  const canAsk = settled !== "" && settled.length <= CONFIGURATION_CHARS_MAX;
  const { data, error, isFetching } = useQuery({
    ...q("configurationCheck", { body: { body: settled } }),
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
    isTooLong: settled.length > CONFIGURATION_CHARS_MAX,
  };
}
export type Checked = ReturnType<typeof useCheck>;

/** Why a text cannot be saved, or undefined when it can. */
export function cannotSave(text: string, { problems, isCurrent, isTooLong }: Checked): string | undefined {
  if (text.trim() === "") return "Write something first.";
  if (isTooLong) return `At most ${CONFIGURATION_CHARS_MAX / 1_024} KB of text.`;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors > 0)
    return `${errors === 1 ? "An error keeps" : `${errors} errors keep`} it from being saved: a Collector would refuse it.`;
  return isCurrent ? undefined : "It is being checked.";
}
