/** What of a file an answer carries. Both ends are included. */
export type Range =
  | { readonly kind: "whole" }
  | { readonly kind: "part"; readonly start: number; readonly end: number }
  | { readonly kind: "unsatisfiable" };

/**
 * What a `Range` header asks of a file of `bytes` (RFC 9110, section 14). A header that is of another unit, malformed or asks
 * for several ranges is ignored, as it may be; so is one whose `If-Range` is not the file's `etag`.
 */
export function rangeOf(
  headers: { readonly range?: string | undefined; readonly "if-range"?: string | string[] | undefined },
  bytes: number,
  etag: string,
): Range {
  const asked = /^bytes=(\d{0,15})-(\d{0,15})$/.exec((headers.range ?? "").replaceAll(/[ \t]/g, ""));
  const condition = headers["if-range"];
  if (asked === null || (condition !== undefined && condition !== etag)) return { kind: "whole" };
  const [, first = "", last = ""] = asked;
  if (first === "") {
    if (last === "") return { kind: "whole" };
    const length = Math.min(Number(last), bytes);
    return length === 0 ? { kind: "unsatisfiable" } : { kind: "part", start: bytes - length, end: bytes - 1 };
  }
  const start = Number(first);
  const end = last === "" ? bytes - 1 : Math.min(Number(last), bytes - 1);
  if (last !== "" && Number(last) < start) return { kind: "whole" };
  return start >= bytes ? { kind: "unsatisfiable" } : { kind: "part", start, end };
}

/** Whether an `If-None-Match` names this file, weakly compared as it says. */
export function isMatched(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((one) => one.trim() === "*" || one.trim().replace(/^W\//, "") === etag);
}
