// The part of regular expressions that custom patterns are written in, as a tree. All of it is ASCII.

export type Node =
  | { kind: "set"; set: Uint8Array }
  | { kind: "sequence"; parts: Node[] }
  | { kind: "choice"; options: Node[] }
  | { kind: "repeat"; node: Node; min: number; max: number };

const COUNT_MAX = 1000;
const DEPTH_MAX = 10;
const NEWLINE = 10;

/** What may stand in a pattern, told with every refusal of something else. */
const TAKEN = "plain characters, classes like [A-Z0-9_], \\d \\w \\s, ., (…|…) and the counts ? * + {m,n}";

export function parsePattern(source: string): { node: Node } | { problem: string } {
  const parser = new Parser(source);
  try {
    return { node: parser.parse() };
  } catch (error) {
    if (error instanceof PatternError) return { problem: error.message };
    throw error;
  }
}

class PatternError extends Error {}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Node {
    const node = this.#choice();
    if (this.#at < this.#source.length) this.#refuse(`")" without "("`);
    return node;
  }

  #choice(): Node {
    const options = [this.#sequence()];
    while (this.#take("|")) options.push(this.#sequence());
    return options.length === 1 && options[0] ? options[0] : { kind: "choice", options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#peek())) parts.push(this.#counted());
    return parts.length === 1 && parts[0] ? parts[0] : { kind: "sequence", parts };
  }

  #counted(): Node {
    const node = this.#atom();
    const count = this.#count();
    if (!count) return node;
    if (this.#peek() === "?" || this.#peek() === "+") this.#refuse("a second sign behind a count");
    return { kind: "repeat", node, ...count };
  }

  #count(): { min: number; max: number } | null {
    if (this.#take("?")) return { min: 0, max: 1 };
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    const match = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#source.slice(this.#at));
    if (!match) return null;
    this.#at += match[0].length;
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? Infinity : Number(match[3]);
    if (min > COUNT_MAX || (max !== Infinity && max > COUNT_MAX)) this.#refuse(`a count above ${COUNT_MAX}`);
    if (max < min) this.#refuse("a count whose end lies before its beginning");
    return { min, max };
  }

  #atom(): Node {
    const character = this.#next();
    if (character === "(") return this.#group();
    if (character === "[") return { kind: "set", set: this.#class() };
    if (character === ".") return { kind: "set", set: complement(new Uint8Array(256)) };
    if (character === "\\") return { kind: "set", set: this.#escape() };
    if ("^$".includes(character)) this.#refuse(`"${character}": a pattern is found anywhere in a line`);
    if ("?*+{".includes(character)) this.#refuse(`"${character}" with nothing before it`);
    return { kind: "set", set: single(this.#ascii(character)) };
  }

  #group(): Node {
    if (this.#take("?") && !this.#take(":")) this.#refuse("a look ahead, a look behind or a named group");
    this.#depth += 1;
    if (this.#depth > DEPTH_MAX) this.#refuse(`groups more than ${DEPTH_MAX} deep`);
    const node = this.#choice();
    if (!this.#take(")")) this.#refuse('"(" without ")"');
    this.#depth -= 1;
    return node;
  }

  #class(): Uint8Array {
    const isNegated = this.#take("^");
    const set = new Uint8Array(256);
    for (let isFirst = true; isFirst || this.#peek() !== "]"; isFirst = false) {
      if (this.#at >= this.#source.length) this.#refuse('"[" without "]"');
      const character = this.#next();
      const from = character === "\\" ? this.#escape() : single(this.#ascii(character));
      if (this.#peek() !== "-" || this.#source[this.#at + 1] === "]") {
        merge(set, from);
        continue;
      }
      this.#at += 1;
      const last = this.#next();
      const to = last === "\\" ? this.#escape() : single(this.#ascii(last));
      const [first, end] = [from.indexOf(1), to.indexOf(1)];
      if (first !== from.lastIndexOf(1) || end !== to.lastIndexOf(1) || end < first)
        this.#refuse("a range whose ends are not in order");
      set.fill(1, first, end + 1);
    }
    this.#at += 1;
    return isNegated ? complement(set) : set;
  }

  #escape(): Uint8Array {
    const character = this.#next();
    const known = ESCAPES[character.toLowerCase()];
    if (known) return character === character.toLowerCase() ? known : complement(known);
    const control = { t: 9, r: 13, f: 12, v: 11 }[character];
    if (control !== undefined) return single(control);
    if (/[1-9]/.test(character)) this.#refuse("a reference back to a group");
    if (/[A-Za-z0-9]/.test(character)) this.#refuse(`"\\${character}"`);
    return single(this.#ascii(character));
  }

  #ascii(character: string): number {
    const code = character.charCodeAt(0);
    if (code > 126 || code < 32) this.#refuse(`the character U+${code.toString(16).padStart(4, "0")}`);
    return code;
  }

  #peek(): string {
    return this.#source[this.#at] ?? "";
  }

  #next(): string {
    const character = this.#source[this.#at];
    if (character === undefined) throw new PatternError(`it ends in the middle; taken are ${TAKEN}.`);
    this.#at += 1;
    return character;
  }

  #take(character: string): boolean {
    if (this.#peek() !== character || character === "") return false;
    this.#at += 1;
    return true;
  }

  #refuse(what: string): never {
    throw new PatternError(`it has ${what}, at character ${this.#at}; taken are ${TAKEN}.`);
  }
}

function single(code: number): Uint8Array {
  const set = new Uint8Array(256);
  set[code] = 1;
  return set;
}

function merge(set: Uint8Array, more: Uint8Array): void {
  for (const [byte, isIn] of more.entries()) if (isIn === 1) set[byte] = 1;
}

/** All other bytes; a newline never, for patterns end with their line. */
function complement(set: Uint8Array): Uint8Array {
  const others = set.map((isIn) => 1 - isIn);
  others[NEWLINE] = 0;
  return others;
}

function ofCodes(text: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of text) set[character.charCodeAt(0)] = 1;
  return set;
}

const DIGITS = "0123456789";
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ESCAPES: Record<string, Uint8Array> = {
  d: ofCodes(DIGITS),
  w: ofCodes(`${LETTERS}${DIGITS}_`),
  s: ofCodes(" \t\r\f\v"),
};
