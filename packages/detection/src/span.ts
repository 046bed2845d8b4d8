/** One line where it lies: the bytes of `source` from `from` to before `to`, without its line feed. */
export interface Span {
  source: Uint8Array;
  from: number;
  to: number;
}

const LINE_FEED = 10;
const NOTHING = new Uint8Array(0);

export function newSpan(): Span {
  return { source: NOTHING, from: 0, to: 0 };
}

export function spanOf(bytes: Uint8Array): Span {
  return { source: bytes, from: 0, to: bytes.length };
}

export function bytesOf({ source, from, to }: Span): Uint8Array {
  return from === 0 && to === source.length ? source : source.subarray(from, to);
}

/** Whether nothing can be seen from inside the line but line feeds: then it reads where it lies as it would by itself. */
export function standsAlone({ source, from, to }: Span): boolean {
  return (to === source.length || source[to] === LINE_FEED) && (from === 0 || source[from - 1] === LINE_FEED);
}
