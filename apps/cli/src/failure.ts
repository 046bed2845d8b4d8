import type { ApiError } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import { printable } from "./text-width.ts";

/** Something the person at the keyboard can act on: one sentence, what to do next, and how the process ends. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  readonly advice: string | null;
  constructor(sentence: string, options: { exitCode?: number; advice?: string; cause?: unknown } = {}) {
    super(sentence, { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.failed;
    this.advice = options.advice ?? null;
  }
}

export interface Explanation {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Turns any error into what is printed on stderr and the exit code. `debug` adds the stack of unexpected ones. */
export function explain(error: unknown, debug: boolean): Explanation {
  if (error instanceof CliError) return explainCliError(error);
  // What was said about the way to the agent says more than that it gave no answer.
  if (isApiError(error) && error.cause instanceof CliError) return explainCliError(error.cause);
  if (isApiError(error)) return explainApiError(error);
  if (error instanceof Error && SENTENCE_ERRORS.has(error.name)) {
    return { lines: [printable(error.message)], exitCode: EXIT.failed };
  }
  const sentence = systemSentence(error);
  if (sentence !== null) return { lines: [sentence], exitCode: EXIT.failed };
  return explainUnexpected(error, debug);
}

/** Errors of server and agent whose message is a sentence for people. By name, so that neither has to be loaded. */
const SENTENCE_ERRORS = new Set(["ConfigError", "EmbeddedPostgresError", "AgentProblem", "AppError"]);

function explainCliError(error: CliError): Explanation {
  const lines = [printable(error.message)];
  if (error.advice !== null) lines.push(printable(error.advice));
  return { lines, exitCode: error.exitCode };
}

/** By name, so that printing an error does not load the contract and its schemas. */
export function isApiError(error: unknown): error is ApiError {
  return error instanceof Error && error.name === "ApiError" && "problem" in error;
}

function explainApiError({ problem }: ApiError): Explanation {
  const lines = [printable(problem.detail || problem.title)];
  for (const { pointer, message } of problem.errors ?? []) {
    lines.push(printable(`  ${pointer === "" ? "input" : pointer.replace(/^\//, "")}: ${message}`));
  }
  const advice = API_ADVICE[problem.status];
  if (advice !== undefined) lines.push(advice);
  if (problem.request_id !== "") lines.push(printable(`request ${problem.request_id}`));
  return { lines, exitCode: exitCodeOfStatus(problem.status) };
}

const API_ADVICE: Readonly<Record<number, string>> = {
  401: "Sign in with `flowplane login`, or set FLOWPLANE_API_KEY or FLOWPLANE_DATA; `flowplane whoami` shows what is used.",
  403: "`flowplane whoami` shows who you are signed in as, and with which role.",
  429: "Wait a moment and try again.",
};

export function exitCodeOfStatus(status: number): number {
  if (status === 0 || status === 502 || status === 503 || status === 504) return EXIT.unreachable;
  if (status === 401 || status === 403) return EXIT.notAllowed;
  if (status === 404) return EXIT.notFound;
  if (status === 409) return EXIT.conflict;
  if (status === 400 || status === 413 || status === 422) return EXIT.usage;
  return EXIT.failed;
}

const SYSTEM_SENTENCES: Readonly<Record<string, (path: string) => string>> = {
  EACCES: (path) =>
    `No permission for ${path}: give yourself access, or set FLOWPLANE_DATA to a folder of your own.`,
  EPERM: (path) => `Not permitted: ${path}. Set FLOWPLANE_DATA to a folder of your own.`,
  EROFS: (path) =>
    `${path} is on a read-only file system: set FLOWPLANE_DATA to a folder that can be written to.`,
  ENOSPC: (path) => `The disk that holds ${path} is full: free some space and try again.`,
  EEXIST: (path) => `${path} is there already.`,
  EISDIR: (path) => `${path} is a folder.`,
  ENOENT: (path) => `${path} is not there.`,
  ENOTDIR: (path) => `${path} is below a file, not a folder: set FLOWPLANE_DATA to a folder.`,
};

function systemSentence(error: unknown): string | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  const isMaking = "syscall" in error && error.syscall === "mkdir";
  const path = "path" in error && typeof error.path === "string" ? error.path : "a file";
  if (isMaking && error.code === "ENOENT") {
    return `The folder ${printable(path)} cannot be made there: set FLOWPLANE_DATA to a folder of your own.`;
  }
  return SYSTEM_SENTENCES[error.code]?.(printable(path)) ?? null;
}

function explainUnexpected(error: unknown, debug: boolean): Explanation {
  if (!(error instanceof Error))
    return { lines: [`Unexpected: ${printable(String(error))}`], exitCode: EXIT.failed };
  if (debug)
    return { lines: (error.stack ?? error.message).split("\n").map(printable), exitCode: EXIT.failed };
  const chain = [error.message];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) chain.push(cause.message);
  return {
    lines: [printable(chain.filter(Boolean).join(": ")), "Set FLOWPLANE_DEBUG=1 to see where it happened."],
    exitCode: EXIT.failed,
  };
}
