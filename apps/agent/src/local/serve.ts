// Answers one request on the agent's socket: finds the endpoint in the contract's table, judges the input by its schemas,
// and has the handler of that name do it. The answers are those a control plane would give.

import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Problem } from "@flowplane/contract";
import type { LocalContext } from "./context.ts";
import { handlers } from "./handlers.ts";
import type { Handler } from "./call.ts";
import { LocalProblem, STATUS_OF } from "./problem.ts";
import { matchEndpoint, readInput } from "./request.ts";

export async function serve(
  context: LocalContext,
  request: IncomingMessage,
  response: ServerResponse,
  stopping: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  const signal = AbortSignal.any([stopping, gone.signal]);
  try {
    refuseBrowsers(request);
    const matched = matchEndpoint(request.method ?? "", request.url ?? "/");
    const handler = handlers[matched.name] as Handler | undefined;
    if (handler === undefined)
      throw new LocalProblem(
        "unavailable",
        "That is kept by a control plane, and the agent was asked on its own socket. Start a control plane with `npm start`, and ask there.",
      );
    const input = await readInput(matched.endpoint, matched, request);
    const outcome = await handler({ ...context, request, response, signal }, input);
    if (response.headersSent) return;
    if (outcome === undefined) response.writeHead(matched.endpoint.status ?? 204).end();
    else sendJson(response, matched.endpoint.status ?? 200, "application/json", outcome);
  } catch (error) {
    if (signal.aborted || response.headersSent) response.destroy();
    else sendProblem(context, request, response, error);
  }
}

/** A page that a browser shows must not reach the agent by way of some forwarder; browsers always say where they come from. */
function refuseBrowsers(request: IncomingMessage): void {
  if (request.headers.origin === undefined && request.headers["sec-fetch-site"] === undefined) return;
  throw new LocalProblem("not_found", "The agent's socket answers programs, not browsers.");
}

function sendProblem(
  { log }: LocalContext,
  request: IncomingMessage,
  response: ServerResponse,
  error: unknown,
): void {
  const requestId = randomUUID();
  const failure =
    error instanceof LocalProblem
      ? error
      : new LocalProblem(
          "internal",
          "Something went wrong in the agent. Its log has it under this request_id.",
          [],
          { cause: error },
        );
  if (failure.code === "internal") log.error({ err: error, request_id: requestId }, "local request failed");
  const status = STATUS_OF[failure.code];
  const problem: Problem = {
    type: `https://flowplane.dev/problems/${failure.code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: failure.message,
    instance: request.url?.split("?", 1)[0] ?? "/",
    code: failure.code,
    request_id: requestId,
    ...(failure.fields.length === 0 ? {} : { errors: [...failure.fields] }),
  };
  // What is left of a body that was not read would be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  sendJson(response, status, "application/problem+json", problem);
}

function sendJson(response: ServerResponse, status: number, type: string, value: unknown): void {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    "content-type": `${type}; charset=utf-8`,
    "content-length": body.length,
    "cache-control": "no-store",
  });
  response.end(body);
}
