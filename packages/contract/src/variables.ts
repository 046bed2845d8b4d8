import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Timestamp } from "./common.ts";
import { SecretName } from "./execution.ts";

const tag = "Configurations";

export const VARIABLE_CHARS_MAX = 4_096;

/** What `${var:NAME}` stands for in configurations; the value of an agent's site wins over the organization's. */
export const Variable = z.object({
  name: z.string(),
  site_id: Id.nullable().describe("null: for all sites that have no value of their own"),
  value: z.string(),
  created_by: ActorRef,
  updated_at: Timestamp,
});
export type Variable = z.output<typeof Variable>;

export const variableApi = {
  variableList: endpoint({
    method: "GET",
    path: "/variables",
    tag,
    summary: "Variables with their values, by name",
    access: "agent:read",
    query: ListQuery.extend({ site_id: Id.optional() }),
    response: page(Variable),
  }),
  variablePut: endpoint({
    method: "PUT",
    path: "/variables/{variable_name}",
    tag,
    summary: "Set a variable; agents that run their content keep it until a rollout",
    access: "configuration:write",
    params: z.object({
      variable_name: SecretName.refine((name) => name !== "site", "site is the name of the agent's site"),
    }),
    body: z.object({ value: z.string().max(VARIABLE_CHARS_MAX), site_id: Id.nullable().default(null) }),
    response: Variable,
  }),
  variableDelete: endpoint({
    method: "DELETE",
    path: "/variables/{variable_name}",
    tag,
    summary: "Forget a variable, of one site or of the organization",
    access: "configuration:write",
    params: z.object({ variable_name: Id }),
    query: z.object({ site_id: Id.optional() }),
    status: 204,
  }),
} as const;
