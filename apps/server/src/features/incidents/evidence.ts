import { z } from "zod";
import type { IncidentEvidence } from "@flowplane/contract";
import type { EvidenceRecord } from "@flowplane/detection";
import { storableText } from "../runs/sanitize.ts";
import {
  FAMILIES_MAX,
  SENTENCE_CHARS_MAX,
  SIGNATURE_CHARS_MAX,
  SUPPRESSIONS_MAX,
  WORD_CHARS_MAX,
} from "./limits.ts";

// An agent is not trusted: whatever it sends becomes evidence of a bounded size and the right form, with what is
// missing or wrong left out. Nothing here throws.

/** The last moment that a date can be; times of agents are kept within it. */
const TIME_MAX = 8.64e15;

const word = z.string().transform((text) => storableText(text, WORD_CHARS_MAX));
const number = z.number().catch(0);
const count = z.number().int().nonnegative().catch(0);
const time = z.number().min(0).max(TIME_MAX).catch(0);
const signatureText = z
  .string()
  .catch("")
  .transform((text) => storableText(text, SIGNATURE_CHARS_MAX));

const family = z.object({
  family: word,
  strength: number,
  value: number,
  threshold: number,
  unit: word.catch(""),
});
const suppression = z.object({ name: word, count });

const record = z.object({
  families: listOf(family, FAMILIES_MAX),
  signature: z
    .object({ text: signatureText, last_text: signatureText, count, period_ms: number })
    .nullable()
    .catch(null),
  lines: z.object({ from: count, to: count }).catch({ from: 0, to: 0 }),
  since: z.object({ line: count, at: time }).catch({ line: 0, at: 0 }),
  last_progress: z.object({ what: word, line: count, at: time }).nullable().catch(null),
  suppressions: listOf(suppression, SUPPRESSIONS_MAX),
  config_hash: word.catch(""),
  /** What the detector itself says it saw. */
  sentence: z
    .string()
    .transform((text) => storableText(text, SENTENCE_CHARS_MAX))
    .optional()
    .catch(undefined),
});

/** Evidence as it is kept: the form of packages/detection, whatever came. */
export type KeptEvidence = z.output<typeof record>;

/** What an agent sent as a decision's evidence -> what is kept of it. */
export function keepEvidence(sent: unknown): KeptEvidence {
  const isObject = typeof sent === "object" && sent !== null && !Array.isArray(sent);
  return record.parse(isObject ? sent : {});
}

/** Evidence of an incident that the control plane itself saw: there are no readings. */
export function noEvidence(line: number, atMs: number): EvidenceRecord {
  return {
    families: [],
    signature: null,
    lines: { from: line, to: line },
    since: { line, at: atMs },
    last_progress: null,
    suppressions: [],
    config_hash: "",
  };
}

/** Kept evidence in the contract's form. */
export function shownEvidence(kept: unknown): IncidentEvidence {
  const { sentence: _told, ...evidence } = keepEvidence(kept);
  return {
    ...evidence,
    since: { line: evidence.since.line, at: iso(evidence.since.at) },
    last_progress:
      evidence.last_progress === null
        ? null
        : { ...evidence.last_progress, at: iso(evidence.last_progress.at) },
  };
}

function iso(ms: number): string {
  return new Date(Math.round(ms)).toISOString();
}

/** The items that have the form, at most `max`. */
function listOf<S extends z.ZodType>(item: S, max: number) {
  return z
    .array(z.unknown())
    .catch([])
    .transform((items) =>
      items.slice(0, max).flatMap((each) => {
        const parsed = item.safeParse(each);
        return parsed.success ? [parsed.data] : [];
      }),
    );
}
