import type { Row } from "./row.ts";
import { configurationRows } from "./rows/configurations.ts";
import { connectionRows } from "./rows/connections.ts";
import { identityRows } from "./rows/identity.ts";
import { messageRows } from "./rows/messages.ts";
import { offerRows } from "./rows/offers.ts";
import { overloadRows } from "./rows/overload.ts";
import { packageRows } from "./rows/packages.ts";
import { presenceRows } from "./rows/presence.ts";
import { transportRows } from "./rows/transport.ts";

export const ROWS_TOTAL = 66;

/** Every row, in order. */
export const rows: readonly Row[] = [
  ...transportRows,
  ...messageRows,
  ...configurationRows,
  ...packageRows,
  ...offerRows,
  ...connectionRows,
  ...identityRows,
  ...presenceRows,
  ...overloadRows,
].toSorted((a, b) => a.row - b.row);

/** Rows that leave the server busy or restarted: to be judged after all others. */
const LAST = new Set([24, 25, 64, 61, 62]);

/** In the order in which they are judged. */
export const rowsToJudge: readonly Row[] = [
  ...rows.filter(({ row }) => !LAST.has(row)),
  ...rows.filter(({ row }) => LAST.has(row)),
];
