/** What the mock's handlers share: their types, and the small things each of them needs. */
import type { Api, EndpointOutput, EndpointRequest, gatewayApi, Problem, Role } from "@flowplane/contract";
import type { Bus } from "./bus.ts";
import type { World } from "./world.ts";

export class MockProblem extends Error {
  readonly problem: Problem;
  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.problem = {
      type: "about:blank",
      title: code,
      status,
      detail,
      instance: "/",
      code,
      request_id: `req-${Date.now().toString(16)}`,
    };
  }
}

export interface Context {
  readonly world: World;
  readonly bus: Bus;
  readonly role: Role;
}
type Streams = "runLogStream" | "runLogDownload" | "runEvidenceDownload" | "changeStream" | "auditExport";
/** What agents and their scripts call, and no page does. */
type OfScripts = keyof typeof gatewayApi;
export type Handlers = {
  [K in Exclude<keyof Api, Streams | OfScripts>]: (
    ctx: Context,
    request: EndpointRequest<Api[K]>,
  ) => EndpointOutput<Api[K]>;
};

export { ADA } from "./people.ts";
let serial = 50_000;

/** A number nobody has had yet. */
export function nextSerial(): number {
  serial += 1;
  return serial;
}

export function paged<T>(
  items: readonly T[],
  { cursor, limit }: { cursor?: string | undefined; limit: number },
) {
  const from = cursor === undefined ? 0 : Number(cursor);
  const next = from + limit;
  return {
    items: items.slice(from, next),
    next_cursor: next < items.length ? String(next) : null,
    total: items.length,
  };
}

export function found<T>(thing: T | undefined): T {
  if (thing === undefined) throw new MockProblem(404, "not_found", "There is no such thing here.");
  return thing;
}
