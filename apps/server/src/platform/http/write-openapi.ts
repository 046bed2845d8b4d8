import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { api } from "@flowplane/contract";
import { VERSION } from "../version.ts";
import { openApiDocument } from "./openapi.ts";

/** Writes what is committed of the contract in other forms. Run it by `pnpm openapi` after a change of the contract. */
const file = join(import.meta.dirname, "../../../../../docs/reference/openapi.json");
writeFileSync(file, `${JSON.stringify(openApiDocument(api, VERSION), null, 2)}\n`);

const lines = Object.entries(api).map(
  ([name, { method, path }]) => `  ${name}: { method: "${method}", path: "${path}" },`,
);
const routes = `// Made by \`pnpm openapi\` from the endpoint table; the compiler holds it against that.

import type { Api } from "./api.ts";

/** Method and path of every endpoint, without its schemas. */
export const routes = {
${lines.join("\n")}
} as const satisfies { readonly [K in keyof Api]: Pick<Api[K], "method" | "path"> };
`;
writeFileSync(join(import.meta.dirname, "../../../../../packages/contract/src/routes.ts"), routes);
