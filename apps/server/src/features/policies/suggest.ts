import { PolicyDocument, type PolicySuggestion } from "@flowplane/contract";
import { plural } from "../../platform/words.ts";

/** What somebody said about one incident. */
export interface Said {
  readonly id: string;
  readonly category: string;
  readonly verdict: "right" | "wrong";
  /** The last line that repeated, when something did. */
  readonly text: string | null;
}

/** So many incidents have to say the same before anything is suggested. */
const WRONG_ALIKE_MIN = 2;
const WRONG_OF_CATEGORY_MIN = 3;
const RIGHT_MIN = 5;
const FIRST_CANARY_PERCENT = 10;
const BENIGN_MAX = 100;
const BENIGN_PART_CHARS = { min: 8, max: 200 };

const CALMER = { high: "medium", medium: "low" } as const;
const CATEGORY_WORDS: Readonly<Record<string, string>> = {
  loop: "loops",
  stall: "stalls",
  retry_storm: "retry storms",
  runaway: "runaways",
  agent_loop: "loops of agents",
};

/** What feedback asks for: changes of a policy, each whole and free of contradictions. Pure. */
export function suggestions(
  policyId: string,
  document: PolicyDocument,
  said: readonly Said[],
): PolicySuggestion[] {
  const found = [
    ...benignParts(document, said),
    ...calmerCategories(document, said),
    ...nextMode(document, said),
  ];
  return found.flatMap(({ change, ...suggestion }, index) => {
    // Two kinds of trouble may ask for the same.
    if (found.findIndex(({ title }) => title === suggestion.title) < index) return [];
    const changed = PolicyDocument.safeParse({ ...document, ...change });
    return changed.success ? [{ policy_id: policyId, ...suggestion, document: changed.data }] : [];
  });
}

interface Idea {
  readonly title: string;
  readonly why: string;
  readonly incident_ids: string[];
  readonly change: Partial<PolicyDocument> & { canary_percent?: number | undefined };
}

/** Lines that people say mean nothing. */
function benignParts(document: PolicyDocument, said: readonly Said[]): Idea[] {
  const alike = new Map<string, Said[]>();
  for (const one of said) {
    const part = one.verdict === "wrong" && one.text !== null ? literalPart(one.text) : null;
    if (part !== null) alike.set(part, [...(alike.get(part) ?? []), one]);
  }
  return [...alike]
    .filter(([part, wrong]) => {
      const isRight = said.some(({ verdict, text }) => verdict === "right" && text?.includes(part) === true);
      const isKnown = document.benign.some((known) => part.includes(known));
      return wrong.length >= WRONG_ALIKE_MIN && !isRight && !isKnown && document.benign.length < BENIGN_MAX;
    })
    .map(([part, wrong]) => ({
      title: `Take “${part}” for benign`,
      why: `${plural(wrong.length, "incident")} over lines with it ${wrong.length === 1 ? "was" : "were"} said to be wrong, none right.`,
      incident_ids: wrong.map(({ id }) => id),
      change: { benign: [...document.benign, part] },
    }));
}

/** The longest part of a line without numbers and the like: what stays the same from one time to the next. */
function literalPart(text: string): string | null {
  const parts = text
    .split(/[0-9a-f]{8,}|\S*\d\S*|["'<>()[\]{}#*]+/i)
    .map((part) => part.trim().slice(0, BENIGN_PART_CHARS.max))
    .toSorted((a, b) => b.length - a.length);
  const [longest] = parts;
  return longest === undefined || longest.length < BENIGN_PART_CHARS.min ? null : longest;
}

/** Kinds of trouble that are more often wrong than right. */
function calmerCategories(document: PolicyDocument, said: readonly Said[]): Idea[] {
  return Object.entries(CATEGORY_WORDS).flatMap(([category, words]): Idea[] => {
    const wrong = said.filter((one) => one.category === category && one.verdict === "wrong");
    const right = said.filter((one) => one.category === category && one.verdict === "right");
    if (wrong.length < WRONG_OF_CATEGORY_MIN || wrong.length <= right.length) return [];
    const why = `Of ${wrong.length + right.length} ${words} that somebody judged, ${wrong.length} were wrong.`;
    const incident_ids = wrong.map(({ id }) => id);
    if (document.sensitivity !== "low") {
      const sensitivity = CALMER[document.sensitivity];
      return [
        { title: `Lower the sensitivity to ${sensitivity}`, why, incident_ids, change: { sensitivity } },
      ];
    }
    const ladder = document.actions[category as keyof PolicyDocument["actions"]];
    if (ladder === undefined || ladder.every((rung) => rung.do === "notify")) return [];
    const actions = { ...document.actions, [category]: [{ do: "notify" as const }] };
    return [{ title: `Only tell of ${words}`, why, incident_ids, change: { actions } }];
  });
}

/** Right again and again, and never wrong: it may do more than watch. */
function nextMode(document: PolicyDocument, said: readonly Said[]): Idea[] {
  const right = said.filter(({ verdict }) => verdict === "right");
  if (right.length < RIGHT_MIN || right.length < said.length) return [];
  const why = `All ${right.length} incidents that somebody judged were right.`;
  const incident_ids = right.map(({ id }) => id);
  switch (document.mode) {
    case "shadow":
      return [
        {
          title: `Enforce it on ${FIRST_CANARY_PERCENT} % of runs`,
          why,
          incident_ids,
          change: { mode: "canary", canary_percent: FIRST_CANARY_PERCENT },
        },
      ];
    case "canary":
      return [
        {
          title: "Enforce it on all runs",
          why,
          incident_ids,
          change: { mode: "enforce", canary_percent: undefined },
        },
      ];
    case "enforce":
      return [];
  }
}
