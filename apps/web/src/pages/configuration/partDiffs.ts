/** What differs between two versions, text by text: the base, then each overlay. Pure. */
import { changed, diffLines, withoutEqual, type DiffRow } from "../../diff/lines.ts";
import type { ConfigurationText, PartName } from "./configurationText.ts";

export interface PartDiff {
  readonly part: PartName;
  readonly change: "added" | "removed" | "changed";
  /** For whom it was and is, where that differs or the overlay came or went. */
  readonly selector: { readonly before: string | undefined; readonly after: string | undefined } | undefined;
  /** Where it stands among the overlays that are in both. */
  readonly moved: "earlier" | "later" | undefined;
  readonly rows: readonly DiffRow[];
}

/** The parts that differ; none when the texts are the same. */
export function partDiffs(before: ConfigurationText, after: ConfigurationText): PartDiff[] {
  const base: PartDiff = {
    part: undefined,
    change: "changed",
    selector: undefined,
    moved: undefined,
    rows: rowsOf(before.body, after.body),
  };
  const inBoth = (one: ConfigurationText, other: ConfigurationText) =>
    one.overlays
      .map(({ name }) => name)
      .filter((name) => other.overlays.some((there) => there.name === name));
  const [orderBefore, orderAfter] = [inBoth(before, after), inBoth(after, before)];
  const removed = before.overlays
    .filter(({ name }) => !orderBefore.includes(name))
    .map(({ name, selector, body }): PartDiff => {
      const was = { before: selector, after: undefined };
      return { part: name, change: "removed", selector: was, moved: undefined, rows: rowsOf(body, "") };
    });
  const others = after.overlays.map((overlay): PartDiff => {
    const old = before.overlays.find(({ name }) => name === overlay.name);
    const way = Math.sign(orderAfter.indexOf(overlay.name) - orderBefore.indexOf(overlay.name));
    return {
      part: overlay.name,
      change: old === undefined ? "added" : "changed",
      selector:
        old?.selector === overlay.selector ? undefined : { before: old?.selector, after: overlay.selector },
      moved: way === 0 ? undefined : way < 0 ? "earlier" : "later",
      rows: rowsOf(old?.body ?? "", overlay.body),
    };
  });
  return [base, ...removed, ...others].filter(
    ({ change, rows, selector, moved }) =>
      change !== "changed" || rows.length > 0 || selector !== undefined || moved !== undefined,
  );
}

/** Lines that came and went in all parts together. */
export function countLines(diffs: readonly PartDiff[]): { added: number; removed: number } {
  const counts = diffs.map(({ rows }) => changed(rows));
  return {
    added: counts.reduce((sum, { added }) => sum + added, 0),
    removed: counts.reduce((sum, { removed }) => sum + removed, 0),
  };
}

function rowsOf(before: string, after: string): DiffRow[] {
  return withoutEqual(diffLines(before, after));
}
