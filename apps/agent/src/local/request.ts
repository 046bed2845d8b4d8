// One request read and judged by the contract's own schemas.

import type { IncomingMessage } from "node:http";
import { api, API_PREFIX } from "@flowplane/contract";
import type { Api, Endpoint, EndpointRequest } from "@flowplane/contract";
import { LocalProblem } from "./problem.ts";

/** A body may hold a command, its arguments and its environment. */
export const BODY_BYTES_MAX = 512 * 1024;
/** Of a body that is too large so much is read and dropped, so that its sender comes to hear of it. */
const BODY_BYTES_READ_MAX = 16 * BODY_BYTES_MAX;
/** The same API without its prefix's first part, as the control plane has it. */
const PREFIXES = [API_PREFIX, "/v1"];

export type EndpointName = keyof Api;

export interface Matched {
  readonly name: EndpointName;
  readonly endpoint: Endpoint;
  readonly path: Record<string, string>;
  readonly search: URLSearchParams;
}

const routes = Object.entries(api).map(([name, endpoint]) => ({
  name: name as EndpointName,
  endpoint: endpoint as Endpoint,
  pattern: new RegExp(`^${endpoint.path.replace(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`),
  literals: endpoint.path.split("/").filter((part) => !part.startsWith("{")).length,
}));

/** The endpoint a request is for. Throws `not_found` when the contract has none. */
export function matchEndpoint(method: string, url: string): Matched {
  const parsed = URL.parse(url, "http://agent");
  const prefix = PREFIXES.find((each) => parsed?.pathname.startsWith(`${each}/`) === true);
  const path = prefix === undefined ? null : (parsed?.pathname.slice(prefix.length) ?? null);
  const [best] = routes
    .filter((route) => route.endpoint.method === method && path !== null && route.pattern.test(path))
    // `/jobs/calendar` before `/jobs/{job_id}`.
    .toSorted((a, b) => b.literals - a.literals);
  if (best === undefined || path === null || parsed === null)
    throw new LocalProblem("not_found", `There is nothing at ${method} ${url.split("?", 1)[0]}.`);
  return {
    name: best.name,
    endpoint: best.endpoint,
    path: decodeAll(best.pattern.exec(path)?.groups ?? {}),
    search: parsed.searchParams,
  };
}

/** Parameters, query and body as the endpoint's schemas make them. Throws `invalid_input` with every field that is wrong. */
export async function readInput<E extends Endpoint>(
  endpoint: E,
  { path, search }: Matched,
  request: IncomingMessage,
): Promise<EndpointRequest<E>> {
  const body = endpoint.body === undefined ? undefined : await readJson(request);
  return {
    params: check(endpoint.params, path, "params"),
    query: check(endpoint.query, Object.fromEntries(search), "query"),
    body: check(endpoint.body, body, "body"),
  } as EndpointRequest<E>;
}

function check(schema: Endpoint["body"], value: unknown, where: string): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map(({ path, message }) => ({
    pointer: `${where === "body" ? "" : where}${path.map((part) => `/${String(part)}`).join("")}`,
    message,
  }));
  const [first = { pointer: "", message: "is not valid" }] = fields;
  const at = first.pointer === "" ? "" : `${first.pointer}: `;
  throw new LocalProblem("invalid_input", `The ${where} is not valid: ${at}${first.message}.`, fields);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= BODY_BYTES_MAX) chunks.push(chunk);
    else chunks.length = 0;
    if (bytes > BODY_BYTES_READ_MAX) break;
  }
  if (bytes > BODY_BYTES_MAX)
    throw new LocalProblem("too_large", "The body is larger than this endpoint takes.");
  if (bytes === 0) return undefined;
  const type = request.headers["content-type"] ?? "";
  if (!/^application\/json\b/.test(type))
    throw new LocalProblem("unsupported_media_type", "Send the body as application/json.");
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw new LocalProblem("invalid_input", "The body is no JSON.", [], { cause });
  }
}

function decodeAll(groups: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(groups).map(([name, text]) => {
      try {
        return [name, decodeURIComponent(text)];
      } catch {
        throw new LocalProblem("invalid_input", `The path is not valid: ${text} cannot be decoded.`);
      }
    }),
  );
}
