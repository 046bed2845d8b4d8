// Which bytes a secret of a kind is made of. A set is named by its place in the list, and that number is stored: new ones
// are added at the end, and there are no more than 31.

export type Charset = Uint8Array;

const NEWLINE = 10;

function of(characters: string): Charset {
  const set = new Uint8Array(256);
  for (const [, from = "", to = from] of characters.matchAll(/(.)(?:-(.))?/g))
    for (let byte = from.charCodeAt(0); byte <= to.charCodeAt(0); byte += 1) set[byte] = 1;
  return set;
}

function except(characters: string): Charset {
  const set = new Uint8Array(256).fill(1);
  for (const character of characters) set[character.charCodeAt(0)] = 0;
  set[NEWLINE] = 0;
  return set;
}

function plus(set: Charset, characters: string): Charset {
  const more = set.slice();
  for (const character of characters) more[character.charCodeAt(0)] = 1;
  return more;
}

const alnum = of("A-Za-z0-9");

export const CHARSETS = {
  none: new Uint8Array(256),
  alnum,
  upper: of("A-Z0-9"),
  hex: of("0-9a-fA-F"),
  word: plus(alnum, "_-"),
  dotted: plus(alnum, "_-."),
  base64: plus(alnum, "+/=_-"),
  token: plus(alnum, "._~+/=-%"),
  path: plus(alnum, "_-/"),
  /** A value without quotes. */
  bare: except("\t\r\f\v \0\"'`,;&<>)}]|\\"),
  doubleQuoted: except('"'),
  singleQuoted: except("'"),
  backQuoted: except("`"),
  /** A cookie header's value. */
  header: except("\"'\r"),
  userinfo: except("\t\r \"'`<>/?#\\()[]{}"),
  password: except("\t\r \"'`<>"),
} as const satisfies Record<string, Charset>;

export type CharsetName = keyof typeof CHARSETS;
const NAMES = Object.keys(CHARSETS) as CharsetName[];

/** The bit that stands for a set among several; 0 for the empty one. */
export function growthOf(set: Charset): number {
  const number = NAMES.findIndex((name) => CHARSETS[name] === set);
  return number > 0 ? 1 << number : 0;
}

/** Where the last of the runs ends that begin at `at`, one for each set in `growing`. */
export function grownEnd(input: Uint8Array, at: number, growing: number): number {
  let end = at;
  for (const set of setsOf(growing)) end = Math.max(end, runEnd(input, at, input.length, set));
  return end;
}

/** Those of the sets whose run from `at` on reaches the end of the input. */
export function stillGrowing(input: Uint8Array, at: number, growing: number): number {
  let still = 0;
  for (const set of setsOf(growing))
    if (runEnd(input, at, input.length, set) >= input.length) still |= growthOf(set);
  return still;
}

function setsOf(growing: number): Charset[] {
  return growing === 0
    ? []
    : NAMES.filter((_, i) => (growing & (1 << i)) !== 0).map((name) => CHARSETS[name]);
}

/** Where the bytes of `set` end, from `at` on and not past `limit`. */
export function runEnd(input: Uint8Array, at: number, limit: number, set: Charset): number {
  let end = at;
  while (end < limit && set[input[end] as number] === 1) end += 1;
  return end;
}

/** `runEnd` that remembers the last run of each set, so that many starts within one long run cost no more than one. */
export class Runs {
  readonly #last = new Map<Charset, { from: number; to: number }>();

  /** Where the run of `set` ends that holds `at`, in the same input as before the last `forget`. */
  end(input: Uint8Array, at: number, set: Charset): number {
    const last = this.#last.get(set);
    if (last && at >= last.from && at <= last.to) return last.to;
    const to = runEnd(input, at, input.length, set);
    this.#last.set(set, { from: at, to });
    return to;
  }

  forget(): void {
    this.#last.clear();
  }
}
