import type { IncomingMessage, ServerResponse } from "node:http";
import type { Api, EndpointOutput, EndpointRequest } from "@flowplane/contract";
import type { LocalContext } from "./context.ts";

/** A request under way. A handler of a stream or a file writes to `response` itself, until `signal` aborts. */
export interface Call extends LocalContext {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}

type MaybePromise<T> = T | Promise<T>;

/** Of the contract's endpoints those an agent answers by itself, by their names there. */
export type Handlers = {
  [K in keyof Api]?: (call: Call, input: EndpointRequest<Api[K]>) => MaybePromise<EndpointOutput<Api[K]>>;
};

/** A handler whose endpoint is known only at run time; its input was made by that endpoint's schemas. */
export type Handler = (call: Call, input: unknown) => MaybePromise<unknown>;
