import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "playwright-core";

/** What axe has to say of the page as it stands, by all its rules or by some. */
export async function axe(page: Page, ...rules: string[]): Promise<string[]> {
  // Its other mode opens a second page for every look, which frames of other origins need and nothing of ours has.
  const builder = new AxeBuilder({ page }).setLegacyMode(true);
  const { violations } = await (rules.length === 0 ? builder : builder.withRules(rules)).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}
