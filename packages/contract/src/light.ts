// The contract without its schemas, for programs that start for one call: loading them takes longer than the call.

import { clientOf, type Client, type ClientOptions } from "./calls.ts";
import { routes } from "./routes.ts";

export * from "./calls.ts";
export * from "./comparison-words.ts";
export * from "./span-tree.ts";
export * from "./sse.ts";
export { routes };

/** The same client as the contract's own. */
export function createClient(options: ClientOptions): Client {
  return clientOf(routes, options);
}
