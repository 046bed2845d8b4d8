import { readFileSync } from "node:fs";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
  version: string;
};

/** The agent's own version, as it reports and enrols with. */
export const AGENT_VERSION = manifest.version;
