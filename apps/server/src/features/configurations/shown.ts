import type { Db } from "../../platform/storage/database.ts";
import { findConfiguration } from "./store.ts";

export { checkSources, problemOf } from "./text.ts";

/** The name of a configuration, archived ones too; undefined when there is none. */
export async function nameOfConfiguration(db: Db, id: string): Promise<string | undefined> {
  return (await findConfiguration(db, id))?.name;
}
