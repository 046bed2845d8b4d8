import { STATUS_CODES } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import type { Problem } from "@flowplane/contract";
import { AppError, type ErrorCode, type FieldError } from "../errors.ts";
import { installLinger } from "./linger.ts";

/** The one place where failures become HTTP statuses. */
const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  invalid_input: 400,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  idempotency_mismatch: 422,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  unavailable: 503,
  internal: 500,
};

/** Answers for a path no route has; undefined when it does not want it either. */
export type Fallback = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | undefined;

/**
 * Answers every failure with RFC 9457 problem details, so that the caller gets to read them, and logs what is our
 * fault with its whole chain of causes.
 */
export function installProblems(fastify: FastifyInstance, fallback: Fallback = () => undefined): void {
  installLinger(fastify);
  fastify.setErrorHandler((error, request, reply) => {
    const failure = asAppError(error);
    if (failure.code === "internal") request.log.error({ error, error_code: failure.code }, "request failed");
    else if (failure.code === "unavailable")
      request.log.warn({ error, error_code: failure.code }, "request not served");
    return sendProblem(request, reply, failure);
  });
  fastify.setNotFoundHandler(
    (request, reply) =>
      fallback(request, reply) ??
      sendProblem(
        request,
        reply,
        new AppError(
          "not_found",
          `There is nothing at ${request.method} ${pathOf(request)}. The API is described at /api/v1/openapi.json.`,
        ),
      ),
  );
}

/** The HTTP status of a failure, for answers made without a response object (a refused upgrade). */
export function statusOf(failure: AppError): number {
  return STATUS_OF[failure.code];
}

export function sendProblem(request: FastifyRequest, reply: FastifyReply, failure: AppError): FastifyReply {
  const status = STATUS_OF[failure.code];
  request.errorCode = failure.code;
  if (failure.retryAfterSeconds !== undefined) reply.header("retry-after", failure.retryAfterSeconds);
  if (status === 401) reply.header("www-authenticate", 'Bearer realm="flowplane"');
  return reply
    .code(status)
    .type("application/problem+json")
    .serializer(JSON.stringify)
    .send(problemOf(failure, status, request));
}

function problemOf(failure: AppError, status: number, request: FastifyRequest): Problem {
  return {
    type: `https://flowplane.dev/problems/${failure.code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: failure.message,
    instance: pathOf(request),
    code: failure.code,
    request_id: request.id,
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    ...(failure.fields.length === 0 ? {} : { errors: [...failure.fields] }),
  };
}

/** Without the query: it may hold what should not be repeated. */
function pathOf(request: FastifyRequest): string {
  return request.url.split("?", 1)[0] ?? "/";
}

/** What any failure is to the caller; an unknown one is `internal`, with its cause kept for the log. */
export function asAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const where = error.validationContext === "querystring" ? "query" : (error.validationContext ?? "body");
    const fields: FieldError[] = error.validation.map((issue) => ({
      pointer: (where === "body" ? "" : where) + (issue.instancePath === "/" ? "" : issue.instancePath),
      message: issue.message ?? "is not valid",
    }));
    const { pointer, message } = fields[0] ?? { pointer: "", message: "unknown" };
    const at = pointer === "" || pointer === where ? "" : `${pointer}: `;
    return new AppError("invalid_input", `The ${where} is not valid: ${at}${message}.`, {
      fields,
      cause: error,
    });
  }
  const { code, statusCode } = error as { code?: string; statusCode?: number };
  switch (code) {
    case "FST_ERR_CTP_BODY_TOO_LARGE":
      return new AppError("too_large", "The body is larger than this endpoint takes.", { cause: error });
    case "FST_ERR_CTP_INVALID_MEDIA_TYPE":
      return new AppError("unsupported_media_type", "Send the body as application/json.", { cause: error });
    case "FST_ERR_CTP_EMPTY_JSON_BODY":
      return new AppError("invalid_input", "The body is empty; this endpoint takes a JSON object.", {
        cause: error,
      });
  }
  if (isDatabaseGone(error)) {
    return new AppError("unavailable", "The database does not answer just now. Try again in a moment.", {
      retryAfterSeconds: 2,
      cause: error,
    });
  }
  if (isForeignId(error))
    return new AppError("not_found", "There is nothing with such an id. Ids are UUIDs.", { cause: error });
  // From the framework and its plugins, whose messages speak of the request alone.
  if (statusCode === 403 || statusCode === 404)
    return new AppError("not_found", "There is nothing here.", { cause: error });
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return new AppError("invalid_input", (error as Error).message, { cause: error });
  return new AppError("internal", "Something went wrong on our side. The log has it under this request_id.", {
    cause: error,
  });
}

/** The connection could not be made or broke, or PostgreSQL is starting, stopping or full: class 08, 53300, 57P01 to 57P03. */
function isDatabaseGone(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  if (
    typeof code === "string" &&
    /^(?:08...|53300|57P0[123]|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE)$/.test(code)
  )
    return code !== "ENOENT" || (error as { syscall?: unknown }).syscall === "connect";
  return /^(?:Connection terminated|Client has encountered a connection error)/.test(String(message));
}

/** PostgreSQL was asked for a row by what is no UUID: the contract's ids are wider than those we make. */
function isForeignId(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return code === "22P02" && String(message).includes("type uuid");
}

declare module "fastify" {
  interface FastifyRequest {
    /** Code of the problem this request was answered with; undefined while it goes well. */
    errorCode: ErrorCode | undefined;
  }
}
