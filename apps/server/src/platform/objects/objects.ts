import type { Readable } from "node:stream";

/** Where bulky, immutable things live: log segments and the files of packages. Disk or S3 behind one interface. */
export interface Objects {
  /**
   * Stores an object durably before it resolves; the same key again with the same bytes is no error. A body in pieces is taken as it
   * comes; when it breaks off with an error, nothing is stored and the call rejects, that error its cause.
   */
  put(key: string, body: Uint8Array | AsyncIterable<Uint8Array>): Promise<void>;
  /** The object's bytes, or undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Its bytes from `start` to `end`, both included, as they are read; undefined when there is no such object. */
  open(key: string, range?: { start: number; end: number }): Promise<Readable | undefined>;
  delete(key: string): Promise<void>;
  /** Keys below a prefix, sorted. */
  list(prefix: string): AsyncIterable<string>;
}

/** Keys are `/`-separated segments of `[A-Za-z0-9_.-]`, none of them only dots; anything else is a bug in the caller. */
export function assertObjectKey(key: string): void {
  const isValid =
    key.length <= 512 &&
    key.split("/").every((part) => /^[A-Za-z0-9_.-]+$/.test(part) && !/^\.+$/.test(part));
  if (!isValid) throw new Error(`not an object key: ${JSON.stringify(key.slice(0, 80))}`);
}
