import type { z } from "zod";
import type { Permission } from "./roles.ts";

/**
 * Who may call an endpoint: nobody in particular, anybody signed in, an agent by its own credential (an enrolment token or
 * a bearer, which the endpoint judges), or an actor whose role carries the permission.
 */
export type Access = "public" | "signed_in" | "agent" | Permission;

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * One line of the REST contract. Server routes, the typed client, the OpenAPI document and the coverage tests
 * are all derived from the table of these, so none of them can disagree.
 */
export interface Endpoint {
  readonly method: Method;
  /** Path below `/api/v1`, parameters in braces: `/runs/{run_id}/stop`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The JSON body of a success; absent for streams and for 204. */
  readonly response?: z.ZodType;
  /** Success status; 200 unless said otherwise. */
  readonly status?: 200 | 201 | 202 | 204;
  /** What the response is when it is not one JSON document. */
  readonly stream?: "sse" | "file";
  /** A POST that creates: repeated with the same Idempotency-Key it answers the first answer again. */
  readonly idempotent?: boolean;
}

/** Keeps the literal types of one endpoint. */
export function endpoint<const E extends Endpoint>(definition: E): E {
  return definition;
}

type Input<S> = S extends z.ZodType ? z.input<S> : never;
type Output<S> = S extends z.ZodType ? z.output<S> : never;
type Part<E, K extends "params" | "query" | "body"> = E extends { [P in K]: infer S } ? S : undefined;

/** What a caller passes: `{ params, query, body }`, each only where the endpoint has it. */
export type EndpointInput<E extends Endpoint> = (Part<E, "params"> extends undefined
  ? unknown
  : { params: Input<Part<E, "params">> }) &
  (Part<E, "query"> extends undefined ? unknown : { query?: Input<Part<E, "query">> }) &
  (Part<E, "body"> extends undefined ? unknown : { body: Input<Part<E, "body">> });

/** What a handler receives after validation: defaults filled in. */
export type EndpointRequest<E extends Endpoint> = {
  params: Output<Part<E, "params">>;
  query: Output<Part<E, "query">>;
  body: Output<Part<E, "body">>;
};

/** What a caller gets back. */
export type EndpointOutput<E extends Endpoint> = E extends { response: infer S } ? Output<S> : undefined;
