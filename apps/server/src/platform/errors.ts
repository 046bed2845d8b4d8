/** Stable codes of everything a request can fail with; `platform/http` alone maps them to statuses. */
export type ErrorCode =
  | "invalid_input"
  | "unauthenticated"
  | "forbidden"
  | "not_found"
  | "conflict"
  | "idempotency_mismatch"
  | "too_large"
  | "unsupported_media_type"
  | "rate_limited"
  | "unavailable"
  | "internal";

export interface FieldError {
  /** JSON pointer into the body, or `query/NAME`, `params/NAME`. */
  readonly pointer: string;
  readonly message: string;
}

/** A failure with a message for the person who asked, which says what to do; the cause stays in our log. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly fields: readonly FieldError[];
  /** When to try again, for `rate_limited` and `unavailable`. */
  readonly retryAfterSeconds: number | undefined;
  /** What to do about it, where the message is fixed by a document that others wrote. */
  readonly hint: string | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: ErrorOptions & {
      fields?: readonly FieldError[];
      retryAfterSeconds?: number;
      hint?: string;
    } = {},
  ) {
    super(message, options);
    this.code = code;
    this.fields = options.fields ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds;
    this.hint = options.hint;
  }
}

/** What is not there and what belongs to another organization look the same from outside. */
export function notFound(what: string, id: string): AppError {
  return new AppError(
    "not_found",
    `There is no ${what} ${id}. It may have been deleted, or belong to another organization.`,
  );
}
