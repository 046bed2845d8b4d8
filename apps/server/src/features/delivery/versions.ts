import {
  compileTemplate,
  composeText,
  holdText,
  originsOf,
  readConfig,
  type Held,
  type Origin,
  type Overlay,
  type Problem,
  type Section,
  type Template,
} from "@flowplane/collector-config";
import type { Secrets } from "../../platform/secrets/secrets.ts";
import { parseSelector, type CompiledSelector, type SelectableAgent } from "../fleet/selector.ts";
import { Kept } from "./kept.ts";
import { RENDERINGS_KEPT_MAX, TEXTS_KEPT_MAX, VERSIONS_KEPT_MAX } from "./limits.ts";
import type { Rendering } from "./rendering.ts";

/** A part that a version lays over its body for the agents its selector matches. */
export interface SavedOverlay {
  readonly name: string;
  readonly selector: string;
  readonly body: string;
}

/** What a version comes to for agents that the same overlays match. */
export interface ComposedText {
  /** Without values: as people see it. */
  readonly shown: string;
  readonly overlays: readonly string[];
  readonly template: Template;
  readonly secrets: readonly string[];
  readonly config: Section;
  readonly problems: readonly Problem[];
  /** What stands against sending it to anybody. */
  readonly held: Held | null;
  readonly renderings: Kept<Rendering>;
}

/** A version made ready to be composed for any number of agents. It never changes. */
export class ReadyVersion {
  /** Of agents, what its selectors look at. */
  readonly parts: ReadonlySet<string>;
  readonly #body: { readonly text: string; readonly value: Section };
  readonly #overlays: readonly (Overlay & { readonly selector: CompiledSelector })[];
  readonly #texts = new Kept<ComposedText>(TEXTS_KEPT_MAX);

  private constructor(
    body: { readonly text: string; readonly value: Section },
    overlays: readonly (Overlay & { readonly selector: CompiledSelector })[],
  ) {
    this.#body = body;
    this.#overlays = overlays;
    this.parts = new Set(overlays.flatMap(({ selector }) => [...selector.parts]));
  }

  /** A sentence where it cannot be read: it was saved by an older release, say. */
  static from(body: string, overlays: readonly SavedOverlay[]): ReadyVersion | string {
    const { read, problems } = readConfig(body);
    if (read === null) return `Its text cannot be read: ${problems[0]?.message}`;
    const ready: (Overlay & { readonly selector: CompiledSelector })[] = [];
    for (const { name, selector, body: text } of overlays) {
      const parsed = parseSelector(selector);
      if (!parsed.ok) return `The selector of the overlay ${name} cannot be read: ${parsed.problem}`;
      const part = readConfig(text);
      if (part.read === null) return `The overlay ${name} cannot be read: ${part.problems[0]?.message}`;
      ready.push({ name, selector: parsed, value: part.read.value });
    }
    return new ReadyVersion({ text: body, value: read.value }, ready);
  }

  /** Which lines of a text that it comes to which overlays brought. */
  originsIn(text: ComposedText): Origin[] {
    const matching = this.#overlays.filter(({ name }) => text.overlays.includes(name));
    return originsOf(text.shown, this.#body.value, matching);
  }

  get hasOverlays(): boolean {
    return this.#overlays.length > 0;
  }

  /** What it comes to for an agent; `selectable` is needed when there are overlays. */
  textFor(selectable: SelectableAgent | undefined): ComposedText {
    const matching =
      selectable === undefined ? [] : this.#overlays.filter(({ selector }) => selector.matches(selectable));
    const key = matching.map(({ name }) => name).join("\n");
    return this.#texts.getOr(key, () => {
      const shown = composeText(this.#body, matching);
      const { held, problems, config } = holdText(shown);
      const template = compileTemplate(shown);
      return {
        shown,
        overlays: matching.map(({ name }) => name),
        template,
        secrets: template.references.flatMap(({ scheme, name }) => (scheme === "secret" ? [name] : [])),
        config: config ?? {},
        problems,
        held,
        renderings: new Kept(RENDERINGS_KEPT_MAX),
      };
    });
  }
}

/** What a process keeps ready. It is by the master key, since hashes are made with it. */
const ready = new WeakMap<Secrets, Kept<ReadyVersion>>();

/** The versions that are ready, by organization, configuration and number. */
export function readyVersions(secrets: Secrets): Kept<ReadyVersion> {
  const kept = ready.get(secrets) ?? new Kept<ReadyVersion>(VERSIONS_KEPT_MAX);
  ready.set(secrets, kept);
  return kept;
}
