import { layOver, writeConfig } from "./merge.ts";
import type { Section } from "./read.ts";

/** A part of a version that is laid over its body for the agents that its selector matches. */
export interface Overlay {
  readonly name: string;
  readonly value: Section;
}

/**
 * The text for an agent, references kept: the body with these overlays on it in their order, merged as an opampsupervisor
 * merges. Where none applies it is the body's own text, comments included.
 */
export function composeText(
  body: { readonly text: string; readonly value: Section },
  overlays: readonly Overlay[],
): string {
  if (overlays.length === 0) return body.text;
  return writeConfig(layOver([body.value, ...overlays.map(({ value }) => value)]));
}
