import type { Tx } from "../../platform/context.ts";
import { readVariableRows } from "./store.ts";

/** Values of one name: the organization's, and those that sites have instead. */
export interface VariableValues {
  readonly shared: string | undefined;
  readonly bySite: ReadonlyMap<string, string>;
}

/** What the variables of these names stand for; a name that nobody set is absent. */
export async function readVariableValues(
  ctx: Tx,
  names: readonly string[],
): Promise<ReadonlyMap<string, VariableValues>> {
  const byName = Map.groupBy(await readVariableRows(ctx.db, names), ({ name }) => name);
  return new Map(
    [...byName].map(([name, rows]) => [
      name,
      {
        shared: rows.find(({ site_id }) => site_id === null)?.value,
        bySite: new Map(
          rows.flatMap(({ site_id, value }) => (site_id === null ? [] : [[site_id, value] as const])),
        ),
      },
    ]),
  );
}
