import { api } from "./api.ts";
import { clientOf, type Client, type ClientOptions } from "./calls.ts";

/** A typed client over the endpoint table: `client.runStop({ params: { run_id }, body: { reason } })`. */
export function createClient(options: ClientOptions): Client {
  return clientOf(api, options);
}
