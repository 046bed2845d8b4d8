/** The codes of the control plane's answers, with its statuses. */
export const STATUS_OF = {
  invalid_input: 400,
  not_found: 404,
  conflict: 409,
  idempotency_mismatch: 422,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  unavailable: 503,
  internal: 500,
} as const;
export type LocalCode = keyof typeof STATUS_OF;

export type LocalField = { pointer: string; message: string };

/** A request that cannot be done, with one sentence that says what to do about it. */
export class LocalProblem extends Error {
  override readonly name = "LocalProblem";
  readonly code: LocalCode;
  readonly fields: readonly LocalField[];

  constructor(code: LocalCode, message: string, fields: readonly LocalField[] = [], options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.fields = fields;
  }
}

export function noSuch(what: string, id: string): LocalProblem {
  return new LocalProblem(
    "not_found",
    `There is no ${what} ${id} on this machine's agent. It may have been forgotten to make room.`,
  );
}
