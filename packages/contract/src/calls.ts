// Calls without schemas: what a program that starts for one call needs, and nothing that takes time to load.

import type { Api } from "./api.ts";
import type { Problem } from "./common.ts";
import type { Endpoint, EndpointInput, EndpointOutput } from "./endpoint.ts";

export const API_PREFIX = "/api/v1";

/** What a call needs to know of an endpoint. */
export type Route = Pick<Endpoint, "method" | "path">;

/** A call the control plane refused, with its problem details; or one that got no answer (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly problem: Problem;
  constructor(problem: Problem, options?: ErrorOptions) {
    super(problem.detail, options);
    this.problem = problem;
  }
}

export interface ClientOptions {
  /** Origin of the control plane, `http://127.0.0.1:4300`; empty in a browser. */
  readonly origin: string;
  /** Headers for every call, such as `authorization`. */
  readonly headers?: () => Record<string, string>;
  readonly fetch?: typeof globalThis.fetch;
}

export type Client = {
  [K in keyof Api]: (
    input: EndpointInput<Api[K]>,
    options?: { signal?: AbortSignal; idempotencyKey?: string },
  ) => Promise<EndpointOutput<Api[K]>>;
};

/** What a query's schema takes in; objects have no place in a URL. */
type Query = Record<string, string | number | boolean | null | undefined>;

/** The path of an endpoint with its parameters and query filled in, as it stands after the origin. */
export function pathOf(definition: Route, input: { params?: unknown; query?: unknown }): string {
  const params = (input.params ?? {}) as Record<string, string>;
  const path = definition.path.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries((input.query ?? {}) as Query)) {
    if (value !== undefined && value !== null && value !== "") search.set(name, String(value));
  }
  const query = search.toString();
  return API_PREFIX + path + (query === "" ? "" : `?${query}`);
}

/** A typed client over a table of the contract's endpoints: `client.runStop({ params: { run_id }, body: { reason } })`. */
export function clientOf(table: Readonly<Record<keyof Api, Route>>, options: ClientOptions): Client {
  const call = async (
    definition: Route,
    input: { params?: unknown; query?: unknown; body?: unknown },
    extra: { signal?: AbortSignal; idempotencyKey?: string },
  ) => {
    const response = await request(options, definition, input, extra);
    if (!response.ok) throw new ApiError(await problemOf(response));
    return response.status === 204 ? undefined : await response.json();
  };
  const methods = Object.entries(table).map(([name, definition]) => [
    name,
    (input: object = {}, extra: object = {}) => call(definition, input, extra),
  ]);
  return Object.fromEntries(methods) as Client;
}

/** One raw call, for streams and downloads. Throws `ApiError` with status 0 when nobody answers. */
export async function request(
  options: ClientOptions,
  definition: Route,
  input: { params?: unknown; query?: unknown; body?: unknown },
  extra: { signal?: AbortSignal; idempotencyKey?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const path = pathOf(definition, input);
  const headers: Record<string, string> = {
    accept: "application/json",
    ...options.headers?.(),
    ...extra.headers,
  };
  if (input.body !== undefined) headers["content-type"] = "application/json";
  if (extra.idempotencyKey !== undefined) headers["idempotency-key"] = extra.idempotencyKey;
  try {
    return await (options.fetch ?? globalThis.fetch)(options.origin + path, {
      method: definition.method,
      headers,
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(extra.signal === undefined ? {} : { signal: extra.signal }),
    });
  } catch (cause) {
    if (extra.signal?.aborted === true) throw cause;
    throw unreachable(options.origin, path, cause);
  }
}

function unreachable(origin: string, path: string, cause: unknown): ApiError {
  const where = origin === "" ? "the control plane" : origin;
  return new ApiError(
    problem(0, "unreachable", `No answer from ${where}. Is it running? Start it with "npm start".`, path),
    { cause },
  );
}

/**
 * Sends a file as the body of a call, as it is read: nothing of it is held in memory. Gives the answer's JSON. Throws `ApiError`, with
 * status 0 when nobody answers.
 */
export async function upload(
  options: ClientOptions,
  definition: Route,
  input: { params?: unknown; query?: unknown },
  body: Blob,
): Promise<unknown> {
  const path = pathOf(definition, input);
  const headers = { ...options.headers?.(), "content-type": "application/octet-stream" };
  let response: Response;
  try {
    // Not the caller's own `fetch`, which may know texts alone.
    response = await globalThis.fetch(options.origin + path, { method: definition.method, headers, body });
  } catch (cause) {
    throw unreachable(options.origin, path, cause);
  }
  if (!response.ok) throw new ApiError(await problemOf(response));
  return response.json();
}

/** The problem details of an error response, made up from its status where a proxy answered something else. */
export async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text();
  try {
    const parsed: unknown = JSON.parse(text);
    if (isProblem(parsed)) return parsed;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return problem(
    response.status,
    "unexpected_answer",
    `Unexpected answer ${response.status} ${response.statusText}.`,
    new URL(response.url || "http://unknown/").pathname,
  );
}

function problem(status: number, code: string, detail: string, instance: string): Problem {
  return { type: "about:blank", title: detail, status, detail, instance, code, request_id: "" };
}

const PROBLEM_TEXTS = ["type", "title", "detail", "instance", "code", "request_id"] as const;

function isProblem(value: unknown): value is Problem {
  if (typeof value !== "object" || value === null) return false;
  const fields = value as Record<string, unknown>;
  return (
    typeof fields["status"] === "number" && PROBLEM_TEXTS.every((name) => typeof fields[name] === "string")
  );
}
