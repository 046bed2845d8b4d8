/**
 * A state as bytes and back: plain objects, arrays, maps and typed arrays of any depth. Tables are mostly empty, so runs of
 * equal elements are written as a count. For the program that wrote it, not for others: where the layout of a state changes, so
 * does the version in front, and an older snapshot is no longer taken.
 */
export const SNAPSHOT_VERSION = 2;
/** More than any state within its limits takes. */
const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024;
const DEPTH_MAX = 32;

const KINDS = {
  null: 0,
  undefined: 1,
  false: 2,
  true: 3,
  int: 4,
  double: 5,
  text: 6,
  array: 7,
  object: 8,
  map: 9,
  table: 10,
} as const;

const TABLES = [
  Uint8Array,
  Uint16Array,
  Uint32Array,
  Int32Array,
  Float64Array,
] as const satisfies readonly (new (length: number) => Table)[];
type Table =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeSnapshot(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.whole(SNAPSHOT_VERSION);
  writer.value(value, 0);
  return writer.finish();
}

/** Null for bytes that are no snapshot of this version. */
export function decodeSnapshot(bytes: Uint8Array): unknown {
  try {
    const reader = new Reader(bytes);
    return reader.whole() === SNAPSHOT_VERSION ? reader.value(0) : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

class Writer {
  #bytes = new Uint8Array(4_096);
  #view = new DataView(this.#bytes.buffer);
  #at = 0;

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  value(value: unknown, depth: number): void {
    if (depth > DEPTH_MAX) throw new RangeError("a state this deep is a mistake");
    switch (typeof value) {
      case "undefined":
        return this.#byte(KINDS.undefined);
      case "boolean":
        return this.#byte(value ? KINDS.true : KINDS.false);
      case "string": {
        this.#byte(KINDS.text);
        const text = encoder.encode(value);
        this.whole(text.length);
        return this.#raw(text);
      }
      case "number":
        if (Number.isSafeInteger(value) && value >= 0) {
          this.#byte(KINDS.int);
          return this.whole(value);
        }
        this.#byte(KINDS.double);
        return this.#double(value);
      case "object":
        return this.#object(value, depth);
      default:
        throw new RangeError(`a ${typeof value} is no part of a state`);
    }
  }

  /** Seven bits to a byte, the lowest first. */
  whole(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#byte((rest % 128) + 128);
      rest = Math.floor(rest / 128);
    }
    this.#byte(rest);
  }

  #object(value: object | null, depth: number): void {
    if (value === null) return this.#byte(KINDS.null);
    const kind = TABLES.findIndex((table) => value instanceof table);
    // Of a table's classes one was found.
    if (kind >= 0) return this.#table(value as Table, kind);
    if (Array.isArray(value)) {
      this.#byte(KINDS.array);
      this.whole(value.length);
      for (const item of value) this.value(item, depth + 1);
      return undefined;
    }
    const isMap = value instanceof Map;
    const entries: readonly [unknown, unknown][] = isMap ? [...value] : Object.entries(value);
    this.#byte(isMap ? KINDS.map : KINDS.object);
    this.whole(entries.length);
    for (const [key, item] of entries) {
      this.value(key, depth + 1);
      this.value(item, depth + 1);
    }
    return undefined;
  }

  /** Alternately: how many elements are 0, how many follow, and those. */
  #table(table: Table, kind: number): void {
    this.#byte(KINDS.table);
    this.#byte(kind);
    this.whole(table.length);
    let at = 0;
    while (at < table.length) {
      let empty = at;
      while (empty < table.length && Object.is(table[empty], 0)) empty += 1;
      let full = empty;
      while (full < table.length && !Object.is(table[full], 0)) full += 1;
      this.whole(empty - at);
      this.whole(full - empty);
      const part = table.subarray(empty, full);
      this.#raw(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
      at = full;
    }
  }

  #byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  #double(value: number): void {
    this.#room(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  #raw(bytes: Uint8Array): void {
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #room(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#bytes.length) return;
    if (needed > SNAPSHOT_BYTES_MAX) throw new RangeError("a state this large is a mistake");
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    if (depth > DEPTH_MAX) throw new RangeError("too deep");
    switch (this.#byte()) {
      case KINDS.null:
        return null;
      case KINDS.undefined:
        return undefined;
      case KINDS.false:
        return false;
      case KINDS.true:
        return true;
      case KINDS.int:
        return this.whole();
      case KINDS.double:
        return this.#double();
      case KINDS.text:
        return decoder.decode(this.#raw(this.whole()));
      case KINDS.array:
        return Array.from({ length: this.#count() }, () => this.value(depth + 1));
      case KINDS.object:
        return Object.fromEntries(this.#entries(depth).map(([key, item]) => [String(key), item]));
      case KINDS.map:
        return new Map(this.#entries(depth));
      case KINDS.table:
        return this.#table();
      default:
        throw new RangeError("no such kind");
    }
  }

  whole(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
      factor *= 128;
      if (factor > Number.MAX_SAFE_INTEGER) throw new RangeError("too large a number");
    }
  }

  /** Nothing holds more items than there are bytes left. */
  #count(): number {
    const count = this.whole();
    if (count > this.#bytes.length - this.#at) throw new RangeError("cut short");
    return count;
  }

  #entries(depth: number): [unknown, unknown][] {
    return Array.from({ length: this.#count() }, () => [this.value(depth + 1), this.value(depth + 1)]);
  }

  #table(): Table {
    const create = TABLES[this.#byte()];
    const length = this.whole();
    if (create === undefined || length * create.BYTES_PER_ELEMENT > SNAPSHOT_BYTES_MAX)
      throw new RangeError("no such table");
    const table = new create(length);
    const bytes = new Uint8Array(table.buffer);
    let at = 0;
    while (at < length) {
      at += this.whole();
      const count = this.whole();
      if (at + count > length) throw new RangeError("beyond its table");
      bytes.set(this.#raw(count * create.BYTES_PER_ELEMENT), at * create.BYTES_PER_ELEMENT);
      at += count;
    }
    return table;
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new RangeError("cut short");
    this.#at += 1;
    return byte;
  }

  #double(): number {
    const value = this.#view.getFloat64(this.#at);
    this.#at += 8;
    return value;
  }

  #raw(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#at) throw new RangeError("cut short");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}
