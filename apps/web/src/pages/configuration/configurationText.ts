/** A configuration as one writes it: a base and the overlays on it. Pure. */
import { OVERLAY_NAME, type ConfigurationOverlay, type ConfigurationProblem } from "@flowplane/contract";

export interface ConfigurationText {
  readonly body: string;
  readonly overlays: readonly ConfigurationOverlay[];
}

/** Which of its texts: an overlay by its name; undefined is the base. */
export type PartName = string | undefined;

export function sameText(one: ConfigurationText, other: ConfigurationText): boolean {
  return (
    one.body === other.body &&
    one.overlays.length === other.overlays.length &&
    one.overlays.every(({ name, selector, body }, index) => {
      const there = other.overlays[index];
      return there?.name === name && there.selector === selector && there.body === body;
    })
  );
}

export function bodyOf(text: ConfigurationText, part: PartName): string {
  return part === undefined ? text.body : (text.overlays.find(({ name }) => name === part)?.body ?? "");
}

export function withBody(text: ConfigurationText, part: PartName, body: string): ConfigurationText {
  return part === undefined ? { ...text, body } : changeOverlay(text, part, { body });
}

export function changeOverlay(
  text: ConfigurationText,
  name: string,
  change: Partial<ConfigurationOverlay>,
): ConfigurationText {
  return {
    ...text,
    overlays: text.overlays.map((overlay) => (overlay.name === name ? { ...overlay, ...change } : overlay)),
  };
}

/** What is added lies on top of all others. */
export function addOverlay(text: ConfigurationText, overlay: ConfigurationOverlay): ConfigurationText {
  return { ...text, overlays: [...text.overlays, overlay] };
}

export function removeOverlay(text: ConfigurationText, name: string): ConfigurationText {
  return { ...text, overlays: text.overlays.filter((overlay) => overlay.name !== name) };
}

/** One place earlier (-1) or later (1) in the order in which they are laid on. */
export function moveOverlay(text: ConfigurationText, name: string, by: -1 | 1): ConfigurationText {
  const from = text.overlays.findIndex((overlay) => overlay.name === name);
  const moved = text.overlays[from];
  const other = text.overlays[from + by];
  if (moved === undefined || other === undefined) return text;
  return {
    ...text,
    overlays: text.overlays.map((overlay) =>
      overlay === moved ? other : overlay === other ? moved : overlay,
    ),
  };
}

/** Why an overlay cannot be named so, or undefined when it can; `own` is the name it has now. */
export function whyNoName(text: ConfigurationText, name: string, own?: string): string | undefined {
  if (name === "") return "Give it a name.";
  if (!OVERLAY_NAME.test(name))
    return "A name begins with a letter or digit and has letters, digits, _ . and - only, 63 at most.";
  const taken = text.overlays.find(
    (overlay) => overlay.name !== own && overlay.name.toLowerCase() === name.toLowerCase(),
  );
  return taken === undefined ? undefined : `There is an overlay ${taken.name} already.`;
}

/** Problems of one of its texts, but for those of a selector, which is not in the text. */
export function problemsIn(
  problems: readonly ConfigurationProblem[],
  part: PartName,
): readonly ConfigurationProblem[] {
  return problems.filter(({ overlay, code }) => (overlay ?? undefined) === part && code !== "bad_selector");
}
