import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { api } from "@flowplane/contract";
import { VERSION } from "../version.ts";
import { openApiDocument } from "./openapi.ts";

/** Writes the committed copy of the OpenAPI document. Run it by `pnpm openapi` after a change of the contract. */
const file = join(import.meta.dirname, "../../../../../docs/reference/openapi.json");
writeFileSync(file, `${JSON.stringify(openApiDocument(api, VERSION), null, 2)}\n`);
