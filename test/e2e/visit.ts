/** A visit to the dashboard: a whole Flowplane, a browser, and the words in which tests speak of its pages. */
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { expect, test } from "vitest";
import { findBrowser, launchBrowser } from "./browser.ts";
import { startFlowplane, type Flowplane } from "./flowplane.ts";

/** True where browser tests have to be skipped. In CI they fail instead. */
export const isMissing = findBrowser() === undefined && process.env.CI !== "true";
if (isMissing) console.warn("No Chromium: the dashboard's browser tests are skipped.");

/** For one thing to appear. A loaded machine takes its time. */
const WAIT_MS = 30_000;
/** For a test to be given up; it takes a tenth of it on a quiet machine. */
const TEST_MS_MAX = 240_000;
const PAGE_TEXT_CHARS_MAX = 1_500;
const PICTURES = process.env["FLOWPLANE_PICTURES"];

export interface Visit {
  readonly flowplane: Flowplane;
  readonly browser: Browser;
  readonly page: Page;
  /** One step, whose name stands before what went wrong in it. */
  flow<T>(name: string, steps: () => Promise<T>): Promise<T>;
  /** Waits for the page with this heading. */
  see(heading: string): Promise<void>;
  /** Goes to where the one-time link of `flowplane up` leads. */
  signIn(): Promise<void>;
  /** A place of the menu. */
  place(name: string): Locator;
  /** A line of the log on the page. */
  line(text: string): Locator;
  /** Makes a thing over the API, such as `runs`, as whom the page is signed in. */
  make(what: string, data: object): Promise<{ id: string }>;
}

/** A test on a Flowplane of its own, with a page nobody is signed in on. It fails when the browser complains of anything. */
export function visitTest(name: string, steps: (visit: Visit) => Promise<void>): void {
  test.skipIf(isMissing)(name, { timeout: TEST_MS_MAX }, async () => {
    await using flowplane = await startFlowplane();
    await using browser = await launchBrowser();
    const { page, complaints } = await openPage(browser);
    await steps(visitOf(flowplane, browser, page));
    expect(complaints).toEqual([]);
  });
}

/** A page of a desk's size with cookies of its own, and what its browser complains of from now on. */
export async function openPage(browser: Browser): Promise<{ page: Page; complaints: readonly string[] }> {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    // A refused answer is part of some flows; anything else the browser complains about is a fault.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      complaints.push(message.text());
  });
  return { page, complaints };
}

/** A picture of the page for the documents, where `FLOWPLANE_PICTURES` names a folder for them. */
export async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}

/** Makes a thing over the API as whom the page is signed in. */
export async function make(origin: string, page: Page, what: string, data: object): Promise<{ id: string }> {
  const answer = await page.request.post(`${origin}/api/v1/${what}`, { data, headers: { origin } });
  expect(answer.status(), await answer.text()).toBe(201);
  return (await answer.json()) as { id: string };
}

function visitOf(flowplane: Flowplane, browser: Browser, page: Page): Visit {
  const see = (heading: string) => page.getByRole("heading", { level: 1, name: heading }).waitFor();
  return {
    flowplane,
    browser,
    page,
    async flow(name, steps) {
      try {
        return await steps();
      } catch (error) {
        const seen = (await page.locator("body").innerText()).slice(0, PAGE_TEXT_CHARS_MAX);
        throw new Error(`${name}\nat ${page.url()}\n${seen}`, { cause: error });
      }
    },
    see,
    async signIn() {
      await page.goto(flowplane.signInUrl);
      await see("Overview");
      await page.getByRole("button", { name: "Live", exact: true }).waitFor();
    },
    place: (name) =>
      page.getByRole("navigation", { name: "Places" }).getByRole("link", { name, exact: true }),
    line: (text) => page.getByRole("region", { name: "Log" }).getByText(text, { exact: false }).first(),
    make: (what, data) => make(flowplane.origin, page, what, data),
  };
}
