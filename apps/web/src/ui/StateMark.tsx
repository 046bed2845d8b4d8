import { clsx } from "clsx";
import type { Tone } from "../api/states.ts";

const TEXT: Readonly<Record<Tone, string>> = {
  ok: "text-ok",
  busy: "text-busy",
  attention: "text-attention",
  bad: "text-bad",
  off: "text-off",
};

/** The shape of a state: colour never says it alone. */
export function StateShape({ tone, className }: { tone: Tone; className?: string }) {
  return (
    <svg viewBox="0 0 10 10" aria-hidden="true" className={clsx("size-2.5 shrink-0", TEXT[tone], className)}>
      {SHAPES[tone]}
    </svg>
  );
}

export function StateMark({ tone, word, quiet = false }: { tone: Tone; word: string; quiet?: boolean }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-1.5">
      <StateShape tone={tone} />
      <span className={clsx("truncate", quiet ? "text-n9" : TEXT[tone])}>{word}</span>
    </span>
  );
}

const SHAPES: Readonly<Record<Tone, React.ReactNode>> = {
  ok: <circle cx="5" cy="5" r="4" fill="currentColor" />,
  busy: (
    <>
      <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.3" />
      <path d="M5 1.5a3.5 3.5 0 0 1 0 7z" fill="currentColor" />
    </>
  ),
  attention: <path d="M5 .8 9.6 9H.4z" fill="currentColor" />,
  bad: <rect x="1" y="1" width="8" height="8" rx="1" fill="currentColor" />,
  off: <circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" strokeWidth="1.3" />,
};
