import { differences, readConfig, type Section } from "@flowplane/collector-config";
import type { ConfigurationChange, ConfigurationOverlay } from "@flowplane/contract";
import type { VersionRow } from "./store.ts";

/** What one version does otherwise than another: of the body by component, then of each overlay. */
export function changesOf(before: VersionRow, after: VersionRow): ConfigurationChange[] {
  const [was, is] = [byName(before.overlays), byName(after.overlays)];
  const kept = (overlays: readonly ConfigurationOverlay[]) =>
    overlays.map(({ name }) => name).filter((name) => was.has(name) && is.has(name));
  const [orderBefore, orderAfter] = [kept(before.overlays), kept(after.overlays)];
  return [
    ...inText(before.body, after.body),
    ...before.overlays.filter(({ name }) => !is.has(name)).map(({ name }) => whole("removed", name)),
    ...after.overlays.flatMap((overlay) => {
      const old = was.get(overlay.name);
      if (old === undefined) return [whole("added", overlay.name)];
      const settings = [
        ...(old.selector === overlay.selector ? [] : [["selector"]]),
        ...(orderBefore.indexOf(overlay.name) === orderAfter.indexOf(overlay.name) ? [] : [["position"]]),
      ];
      return [
        ...(settings.length === 0 ? [] : [{ ...whole("changed", overlay.name), settings }]),
        ...inText(old.body, overlay.body, overlay.name),
      ];
    }),
  ];
}

function byName(overlays: readonly ConfigurationOverlay[]): Map<string, ConfigurationOverlay> {
  return new Map(overlays.map((overlay) => [overlay.name, overlay]));
}

function whole(change: ConfigurationChange["change"], name: string): ConfigurationChange {
  return { change, what: "overlay", id: name, settings: [] };
}

function inText(before: string, after: string, overlay?: string): ConfigurationChange[] {
  return differences(valuesOf(before), valuesOf(after)).map((change) => ({
    ...change,
    ...(overlay === undefined ? {} : { overlay }),
    settings: change.settings.map((path) => [...path]),
  }));
}

function valuesOf(text: string): Section {
  const { read } = readConfig(text);
  if (read === null) throw new Error("a text that was saved can no longer be read");
  return read.value;
}
