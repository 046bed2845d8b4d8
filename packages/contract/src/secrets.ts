import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Timestamp } from "./common.ts";
import { SecretName } from "./execution.ts";

const tag = "Secrets";

export const SECRET_BYTES_MAX = 32 * 1024;

/** A stored secret. Its value is never shown again. */
export const Secret = z.object({
  name: SecretName,
  site_id: Id.nullable().describe("only for runs of this site; null: for all"),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
  last_used_at: Timestamp.nullable(),
});
export type Secret = z.output<typeof Secret>;

// Any id may be asked for; only a name can be stored.
const Params = z.object({ secret_name: Id });

export const secretApi = {
  secretList: endpoint({
    method: "GET",
    path: "/secrets",
    tag,
    summary: "Names of stored secrets",
    access: "run:read",
    query: ListQuery,
    response: page(Secret),
  }),
  secretPut: endpoint({
    method: "PUT",
    path: "/secrets/{secret_name}",
    tag,
    summary: "Store a secret, or replace its value",
    access: "secret:write",
    params: z.object({ secret_name: SecretName }),
    body: z.object({ value: z.string().min(1).max(SECRET_BYTES_MAX), site_id: Id.nullable().default(null) }),
    response: Secret,
  }),
  secretDelete: endpoint({
    method: "DELETE",
    path: "/secrets/{secret_name}",
    tag,
    summary: "Forget a secret",
    access: "secret:write",
    params: Params,
    status: 204,
  }),
} as const;
