import type { Tone } from "../api/states.ts";

/** A state as an area: bars and bands. */
export const TONE_FILL: Readonly<Record<Tone, string>> = {
  ok: "bg-ok",
  busy: "bg-busy",
  attention: "bg-attention",
  bad: "bg-bad",
  off: "bg-n5",
};
