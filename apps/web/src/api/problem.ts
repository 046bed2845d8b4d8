import { ApiError } from "@flowplane/contract";

/** What went wrong in words for the person in front of it, and the id that finds it in the server's log. */
export interface ProblemText {
  readonly title: string;
  readonly sentence: string;
  readonly details: readonly string[];
  readonly requestId: string;
}

/** The one place where errors become sentences. */
export function problemText(error: unknown): ProblemText {
  if (!(error instanceof ApiError)) {
    const sentence = error instanceof Error ? error.message : String(error);
    return { title: "The page failed", sentence, details: ["Reload the page to try again."], requestId: "" };
  }
  const { status, title, detail, errors, request_id } = error.problem;
  return {
    title: TITLES[status] ?? title,
    sentence: detail,
    details: (errors ?? []).map(({ pointer, message }) => `${fieldOf(pointer)}: ${message}`),
    requestId: request_id,
  };
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 404;
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof ApiError && error.problem.status === 401;
}

const TITLES: Readonly<Record<number, string>> = {
  0: "No answer",
  403: "Not allowed",
  404: "Not found",
  409: "Not possible now",
  413: "Too large",
  429: "Too many requests",
  500: "The control plane failed",
};

function fieldOf(pointer: string): string {
  return pointer.replace(/^\//, "").replaceAll("/", " › ") || "input";
}
