// Patterns of a user's own: a part of the regular expressions people know, judged in time linear in what is looked at,
// whatever the pattern. A pattern begins with at least three plain characters, which is how it is found.

import { PATTERN_CHARS_MAX, PATTERN_STATES_MAX, SECRET_BYTES_MAX } from "./limits.ts";
import { NEEDLE_BYTES_MIN } from "./anchors.ts";
import { parsePattern } from "./pattern-syntax.ts";
import type { Node } from "./pattern-syntax.ts";
import { latin1 } from "./text.ts";

/** `findAll` tells all matches that begin at one of `places`, which ascend: where one begins and where it ends. */
export type Pattern = {
  name: string;
  prefix: Uint8Array;
  findAll: (input: Uint8Array, places: readonly number[], tell: (from: number, to: number) => void) => void;
};

/** What may name a pattern: it stands in every mark. */
const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/** Compiles one pattern. The answer is a sentence when it cannot be taken. */
export function compilePattern(name: string, source: string): Pattern | { problem: string } {
  if (!NAME.test(name))
    return {
      problem: `"${name}" is no name for a pattern: use lower-case letters, digits and "_", at most 32.`,
    };
  if (source.length > PATTERN_CHARS_MAX)
    return {
      problem: `The pattern ${name} has ${source.length} characters, at most ${PATTERN_CHARS_MAX} are taken.`,
    };
  const parsed = parsePattern(source);
  if ("problem" in parsed) return { problem: `The pattern ${name} is not taken: ${parsed.problem}` };
  const prefix = prefixOf(parsed.node);
  if (prefix.length < NEEDLE_BYTES_MIN)
    return {
      problem: `The pattern ${name} is not taken: it has to begin with at least ${NEEDLE_BYTES_MIN} plain characters, by which it is found.`,
    };
  const program = new Program();
  program.add(parsed.node);
  if (program.size > PATTERN_STATES_MAX)
    return {
      problem: `The pattern ${name} is not taken: its repetitions multiply to more than ${PATTERN_STATES_MAX} steps; use smaller counts.`,
    };
  return { name, prefix: latin1(prefix), findAll: program.matcher() };
}

/** The plain characters every match begins with. */
function prefixOf(node: Node): string {
  if (node.kind === "set") {
    const first = node.set.indexOf(1);
    return first >= 0 && first === node.set.lastIndexOf(1) ? String.fromCharCode(first) : "";
  }
  if (node.kind !== "sequence") return "";
  let prefix = "";
  for (const part of node.parts) {
    if (part.kind !== "set") break;
    const character = prefixOf(part);
    if (character === "") break;
    prefix += character;
  }
  return prefix;
}

/** A non-deterministic automaton: states that read a byte of a set, and forks that read nothing. */
class Program {
  readonly #sets: (Uint8Array | null)[] = [];
  readonly #forks: number[][] = [];

  get size(): number {
    return this.#sets.length;
  }

  /** Adds what `node` reads; what follows it is added next. Stops growing past the limit. */
  add(node: Node): void {
    if (this.size > PATTERN_STATES_MAX) return;
    switch (node.kind) {
      case "set":
        this.#push(node.set);
        return;
      case "sequence":
        for (const part of node.parts) this.add(part);
        return;
      case "choice": {
        const start = this.#push(null);
        const ends: number[] = [];
        for (const [i, option] of node.options.entries()) {
          this.#fork(start, this.size);
          this.add(option);
          if (i < node.options.length - 1) ends.push(this.#push(null));
        }
        for (const end of ends) this.#fork(end, this.size);
        return;
      }
      case "repeat": {
        for (let i = 0; i < node.min; i += 1) this.add(node.node);
        if (node.max === Infinity) {
          const start = this.#push(null);
          this.#fork(start, this.size);
          this.add(node.node);
          this.#fork(this.#push(null), start);
          this.#fork(start, this.size);
          return;
        }
        const skips: number[] = [];
        for (let i = node.min; i < node.max && this.size <= PATTERN_STATES_MAX; i += 1) {
          const skip = this.#push(null);
          this.#fork(skip, this.size);
          skips.push(skip);
          this.add(node.node);
        }
        for (const skip of skips) this.#fork(skip, this.size);
      }
    }
  }

  /**
   * Goes over the input once for all places the pattern may begin at, in step with all ways to read it. Of ways that meet,
   * the one that began first goes on.
   */
  matcher(): Pattern["findAll"] {
    const [sets, forks, final] = [this.#sets, this.#forks, this.size];
    const seen = new Uint32Array(final + 1);
    const open: number[] = [];
    let round = 0;
    let [states, starts]: number[][] = [[], []];
    let [nextStates, nextStarts]: number[][] = [[], []];
    const enter = (first: number, start: number) => {
      open.push(first);
      for (let state = open.pop(); state !== undefined; state = open.pop()) {
        if (seen[state] === round) continue;
        seen[state] = round;
        if (state < final && sets[state] === null) open.push(...(forks[state] ?? []));
        else {
          nextStates?.push(state);
          nextStarts?.push(start);
        }
      }
    };
    return (input, places, tell) => {
      states = [];
      starts = [];
      let next = 0;
      for (let at = places[0] ?? 0; next < places.length || states.length > 0; at += 1) {
        // Nothing is under way: on to the next place.
        if (states.length === 0) at = Math.max(at, places[next] ?? at);
        round += 1;
        [nextStates, nextStarts] = [[], []];
        const byte = at === 0 ? -1 : (input[at - 1] ?? -1);
        for (const [i, state] of states.entries()) {
          const start = starts[i] ?? 0;
          if (at - start <= SECRET_BYTES_MAX && byte >= 0 && sets[state]?.[byte] === 1)
            enter(state + 1, start);
        }
        while (places[next] === at) {
          enter(0, at);
          next += 1;
        }
        [states, starts] = [nextStates, nextStarts];
        const end = states.indexOf(final);
        if (end >= 0) tell(starts[end] ?? at, at);
        if (at > input.length) return;
      }
    };
  }

  #push(set: Uint8Array | null): number {
    this.#forks.push([]);
    return this.#sets.push(set) - 1;
  }

  #fork(from: number, to: number): void {
    this.#forks[from]?.push(to);
  }
}
