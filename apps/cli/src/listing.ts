import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";

/** Rows a page holds at most; the contract's own limit. */
const PAGE_MAX = 200;

export interface Page<Row> {
  readonly items: Row[];
  readonly next_cursor: string | null;
}

/** Reads pages until `max` rows are there or no more are. `more` says that some were left. */
export async function listUpTo<Row>(
  readPage: (query: { cursor?: string; limit: number }) => Promise<Page<Row>>,
  max: number,
): Promise<{ items: Row[]; more: boolean }> {
  const items: Row[] = [];
  let cursor: string | null = null;
  while (items.length < max) {
    const limit = Math.min(PAGE_MAX, max - items.length);
    const page: Page<Row> = await readPage(cursor === null ? { limit } : { limit, cursor });
    items.push(...page.items);
    cursor = page.next_cursor;
    if (cursor === null) break;
  }
  return { items: items.slice(0, max), more: cursor !== null };
}

/** Ids are UUIDs; anything else somebody typed is a part of one, or a name. */
export function isWholeId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** Whether `part` begins or ends `id`; the dashes may be left out. */
export function matchesId(id: string, part: string): boolean {
  const plain = part.toLowerCase();
  if (plain.length < ID_PART_MIN) return false;
  return [id, id.replaceAll("-", "")].some((each) => each.startsWith(plain) || each.endsWith(plain));
}

/** Shorter parts would match too much by chance. */
export const ID_PART_MIN = 4;

/** The one row that matches, or a sentence that says why there is none. */
export function theOnly<Row extends { readonly id: string }>(
  matches: readonly Row[],
  noun: string,
  wanted: string,
  describe: (row: Row) => string,
): Row {
  const [first, second] = matches;
  if (first === undefined) {
    throw new CliError(`There is no ${noun} "${wanted}".`, {
      exitCode: EXIT.notFound,
      advice: `Give the id (or at least ${ID_PART_MIN} characters of its beginning or end)${NAMED.has(noun) ? " or the name" : ""}; \`flowplane ${LIST_COMMAND[noun] ?? `${noun}s`}\` lists them.`,
    });
  }
  if (second === undefined) return first;
  const some = matches.slice(0, 5).map(describe).join(", ");
  throw new CliError(
    `"${wanted}" matches ${matches.length} ${noun}s: ${some}${matches.length > 5 ? ", …" : ""}.`,
    {
      exitCode: EXIT.conflict,
      advice: "Give more of the id.",
    },
  );
}

const NAMED = new Set(["agent", "job", "policy", "site"]);

const LIST_COMMAND: Readonly<Record<string, string>> = {
  run: "ps --all",
  configuration: "configs ls",
  "enrolment token": "tokens",
  bearer: "tokens --bearer",
  "API token": "api-tokens",
};
