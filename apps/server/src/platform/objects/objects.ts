/** Where bulky, immutable things live: log segments now, bundles and packages later. Disk or S3 behind one interface. */
export interface Objects {
  /** Stores an object durably before it resolves; the same key again with the same bytes is no error. */
  put(key: string, body: Uint8Array): Promise<void>;
  /** The object's bytes, or undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
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
