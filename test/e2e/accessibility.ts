/** What every page has to hold: axe finds nothing in either theme, and a narrow screen scrolls nowhere sideways. */
import { expect } from "vitest";
import { axe } from "./axe.ts";
import { visitTest, type Visit } from "./visit.ts";

/** Makes the things that pages need, and says which pages to look at: all by axe, and those of `narrow` on a narrow screen too. */
type Prepare = (visit: Visit) => Promise<{ paths: readonly string[]; narrow: readonly string[] }>;

export function accessibilityTest(name: string, prepare: Prepare): void {
  visitTest(name, async (visit) => {
    const { flowplane, page, flow, signIn } = visit;
    await signIn();
    const { paths, narrow } = await flow("what the pages need", () => prepare(visit));
    const open = async (path: string) => {
      await page.goto(flowplane.origin + path);
      await page.locator("h1").first().waitFor();
    };

    await flow("axe finds nothing, in both themes", async () => {
      for (const path of paths) {
        await page.emulateMedia({ colorScheme: "light" });
        await open(path);
        expect(await axe(page), path).toEqual([]);
        await page.emulateMedia({ colorScheme: "dark" });
        // The other theme differs in its colours only.
        expect(await axe(page, "color-contrast"), `${path} in the dark theme`).toEqual([]);
      }
    });

    await flow("nothing scrolls sideways on a narrow screen", async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      for (const path of narrow) {
        await open(path);
        const overflow = await page.evaluate<number>(
          "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect(overflow, path).toBe(0);
      }
    });
  });
}

/** A path and those of its tabs. */
export function tabs(path: string, ...names: string[]): string[] {
  return [path, ...names.map((name) => `${path}/${name}`)];
}
