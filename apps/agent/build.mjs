// Bundles the agent into one folder that needs no node_modules: `node build.mjs OUT`.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "rolldown";

const here = import.meta.dirname;
const out = process.argv[2] ?? join(here, "dist");
await build({
  input: join(here, "src/main.ts"),
  platform: "node",
  logLevel: "warn",
  output: { dir: out, format: "esm", minify: true },
});
// Read from the folder the program is in.
copyFileSync(join(here, "src/supervisor/wrapper.sh"), join(out, "wrapper.sh"));
