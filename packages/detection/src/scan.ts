import {
  CLASS,
  DIGIT,
  ESCAPE,
  LETTER,
  SPACE,
  endOfLetters,
  endOfRun,
  headFlags,
  isNothing,
  isRandom,
  onlyAssigns,
  skipEscape,
} from "./bytes.ts";
import { Flag } from "./flags.ts";
import { finish, FNV_PRIME, HASH_START, mix } from "./hash.ts";
import { isDuration, mayBeTime, skipEpoch, skipIp, skipTime, skipUuid } from "./masks.ts";
import { meaningOf, Word, WORD_LENGTH_MAX } from "./lexicon.ts";

/**
 * One pass over the bytes of a line gives all that is ever asked of it: two hashes, what its words mean, its numbers.
 * The *stable text* is the line without times, durations, process ids, ports, uuids and hex; it keeps counters and names,
 * so a line that reports something new is a new stable text. The *template* also loses every number.
 */
export interface Scan {
  stable: number;
  template: number;
  /** Bits of `Flag`. */
  flags: number;
  /** Numbers that may be counters, in order of place. */
  readonly numbers: Float64Array;
  /** 1 where the number is a percentage or the left part of `n/m`. */
  readonly explicit: Uint8Array;
  numberCount: number;
}

export const NUMBERS_MAX = 6;
/** What is beyond is told apart by the length of the line alone. */
export const SCANNED_BYTES_MAX = 4_096;
const CARRIAGE_RETURN = 13;
const STAMP_WITHIN = 64;
const LEVEL_WITHIN = 160;

export function newScan(): Scan {
  return {
    stable: 0,
    template: 0,
    flags: 0,
    numbers: new Float64Array(NUMBERS_MAX),
    explicit: new Uint8Array(NUMBERS_MAX),
    numberCount: 0,
  };
}

const MASK_TIME = 1;
const MASK_ID = 2;
const MASK_NUMBER = 3;
const MASK_ADDRESS = 4;
const MASK_DURATION = 5;

/**
 * Reads the line `bytes[from, to)` into `out`, whose numbers are valid until the next call. Around it may only be line feeds: none of
 * what is looked for goes over one, so that a look ahead may leave the line and finds nothing there.
 *
 * This is most of what watching a run costs. Hashes are mixed in place, since the engine inlines only so many calls into one function, and
 * what other functions answer is cut to an integer, so that it knows all of them to be integers.
 */
export function scan(bytes: Uint8Array, from: number, to: number, out: Scan): void {
  let end = to | 0;
  while (end > from && bytes[end - 1] === CARRIAGE_RETURN) end -= 1;
  if (end - from > SCANNED_BYTES_MAX) scanFrom(bytes, from, afterRewritten(bytes, from, end), end, out);
  // Most lines have no carriage return: it is looked for when one comes up.
  else if (!scanFrom(bytes, from, from, end, out))
    scanFrom(bytes, from, afterRewritten(bytes, from, end), end, out);
}

/** A terminal shows what was written after the last carriage return; so do progress bars. */
function afterRewritten(bytes: Uint8Array, from: number, end: number): number {
  return from + bytes.subarray(from, end).lastIndexOf(CARRIAGE_RETURN) + 1;
}

/** Reads on from `begin`; false, and nothing of use is in `out`, when there is a carriage return behind it. */
function scanFrom(bytes: Uint8Array, from: number, begin: number, to: number, out: Scan): boolean {
  let end = to | 0;
  const cut = end - begin > SCANNED_BYTES_MAX;
  const length = end - begin;
  if (cut) end = begin + SCANNED_BYTES_MAX;

  let stable = HASH_START;
  let template = HASH_START;
  let flags = 0;
  let numberCount = 0;
  let failures = 0;
  let wordIndex = 0;
  let negationAt = -9;
  let zeroAt = -9;
  let modalAt = -9;
  let notAt = -9;
  let exitAt = -9;
  let pidAt = -9;
  let elapsedAt = -9;
  let monthAt = -9;
  let stableBeforeMonth = 0;
  let templateBeforeMonth = 0;
  let failureEnd = -9;
  let inbound = false;
  let access = false;
  let low = false;
  let healed = false;
  let spoken = false;
  let escaped = false;
  let visible = begin;
  let i = begin | 0;

  while (i < end) {
    // Indexes below are within [begin, end), so the byte is there.
    const byte = bytes[i] as number;
    const kind = CLASS[byte] as number;
    if (kind === LETTER) {
      const start = i;
      const stableBefore = stable;
      const templateBefore = template;
      let word = HASH_START;
      let part = HASH_START;
      let partMeaning = 0;
      let camel = false;
      let wasLower = false;
      let upper = true;
      let c = byte;
      do {
        if (c >= 97) {
          upper = false;
          wasLower = true;
          do {
            word = Math.imul(word ^ c, FNV_PRIME);
            // Until there are two parts, the part is the word.
            if (camel) part = Math.imul(part ^ c, FNV_PRIME);
            stable = Math.imul(stable ^ c, FNV_PRIME);
            template = Math.imul(template ^ c, FNV_PRIME);
            i += 1;
            c = i < end ? (bytes[i] as number) : 32;
          } while (c >= 97 && c <= 122);
        } else {
          if (wasLower) {
            partMeaning |= meaningOf(camel ? part : word);
            part = HASH_START;
            camel = true;
          }
          wasLower = false;
          word = Math.imul(word ^ (c | 32), FNV_PRIME);
          if (camel) part = Math.imul(part ^ (c | 32), FNV_PRIME);
          stable = Math.imul(stable ^ c, FNV_PRIME);
          template = Math.imul(template ^ c, FNV_PRIME);
          i += 1;
          c = i < end ? (bytes[i] as number) : 32;
        }
      } while (CLASS[c] === LETTER);
      const wordLength = i - start;
      if (CLASS[c] === DIGIT || (wordLength === 8 && c === 45)) {
        const uuid = skipUuid(bytes, start, end) | 0;
        const stop = uuid > 0 ? uuid : CLASS[c] === DIGIT ? endOfRun(bytes, start, end) | 0 : i;
        if (stop > i) {
          // The level and date of klog, as in I0523: the letter stays, the date goes.
          const klog =
            wordLength === 1 && stop - start === 5 && bytes[stop] === 32 && start === visible && upper;
          if (klog) {
            if (byte === 69 || byte === 70) failures += 1;
            stable = Math.imul(Math.imul(stableBefore ^ byte, FNV_PRIME) ^ MASK_TIME, FNV_PRIME);
            template = Math.imul(Math.imul(templateBefore ^ byte, FNV_PRIME) ^ MASK_TIME, FNV_PRIME);
            flags |= Flag.stamped;
          } else if (uuid > 0 || isRandom(bytes, start, stop)) {
            stable = Math.imul(stableBefore ^ MASK_ID, FNV_PRIME);
            template = Math.imul(templateBefore ^ MASK_ID, FNV_PRIME);
          } else {
            for (let k = i; k < stop; k += 1) {
              const b = bytes[k] as number;
              stable = Math.imul(stable ^ b, FNV_PRIME);
              if (CLASS[b] !== DIGIT) template = Math.imul(template ^ b, FNV_PRIME);
              else if (CLASS[bytes[k - 1] as number] !== DIGIT)
                template = Math.imul(template ^ MASK_NUMBER, FNV_PRIME);
            }
          }
          i = stop;
          wordIndex += 1;
          spoken = true;
          continue;
        }
      }
      wordIndex += 1;
      spoken = true;
      let meaning = wordLength <= WORD_LENGTH_MAX ? meaningOf(word) | 0 : 0;
      if (camel) {
        const parts = partMeaning | meaningOf(part);
        meaning |= parts & Word.retry;
        if ((parts & Word.suffix) !== 0) meaning |= Word.failure;
      }
      if (meaning === 0) continue;
      const offset = start - begin;
      const before = start > begin ? (bytes[start - 1] as number) : 32;
      const marked = upper || before === 91 || before === 61 || before === 60 || (before === 34 && c === 34);
      // Debugging output speaks of failures that do not count.
      if ((meaning & Word.levelLow) !== 0 && marked && offset < LEVEL_WITHIN) low = true;
      if (
        (meaning & Word.levelError) !== 0 &&
        (meaning & Word.failure) === 0 &&
        marked &&
        offset < LEVEL_WITHIN
      )
        failures += 1;
      if ((meaning & Word.failure) !== 0 && wordIndex - negationAt > 2 && zeroAt !== wordIndex - 1) {
        // A path or an identifier such as error_handler.js only names the word.
        if (
          c !== 95 &&
          before !== 95 &&
          !(c === 46 && CLASS[bytes[i + 1] ?? 32] === LETTER && bytes[i + 1] !== 32 && !camel)
        ) {
          if (!isNothing(bytes, i)) failures += 1;
          failureEnd = i;
        }
        if ((meaning & Word.trace) !== 0) flags |= Flag.trace;
      }
      if ((meaning & Word.negation) !== 0) negationAt = wordIndex;
      if ((meaning & Word.modal) !== 0) modalAt = wordIndex;
      if ((meaning & Word.not) !== 0) {
        notAt = wordIndex;
        if (modalAt === wordIndex - 1) failures += 1;
      }
      if ((meaning & Word.state) !== 0 && notAt === wordIndex - 1) failures += 1;
      if ((meaning & Word.success) !== 0 && notAt < wordIndex - 2 && negationAt < wordIndex - 1)
        flags |= Flag.success;
      if ((meaning & Word.healed) !== 0 && notAt < wordIndex - 2 && negationAt < wordIndex - 2) healed = true;
      if ((meaning & Word.retry) !== 0) flags |= Flag.retry;
      if ((meaning & Word.restart) !== 0) flags |= Flag.restart;
      if ((meaning & Word.waiting) !== 0) flags |= Flag.waiting;
      if ((meaning & Word.connect) !== 0) flags |= Flag.connect;
      if ((meaning & Word.action) !== 0) flags |= Flag.action;
      if ((meaning & Word.exit) !== 0) {
        if (wordLength >= 4 && (byte | 32) === 101) exitAt = wordIndex;
      }
      if ((meaning & Word.inbound) !== 0) inbound = true;
      if ((meaning & Word.access) !== 0) access = true;
      if ((meaning & Word.memory) !== 0) flags |= Flag.memory;
      if ((meaning & Word.pid) !== 0) pidAt = wordIndex;
      if ((meaning & Word.elapsed) !== 0) elapsedAt = wordIndex;
      if ((meaning & Word.month) !== 0 && wordLength === 3) {
        monthAt = wordIndex;
        stableBeforeMonth = stableBefore;
        templateBeforeMonth = templateBefore;
      }
      continue;
    }
    if (kind === 0) {
      stable = Math.imul(stable ^ byte, FNV_PRIME);
      template = Math.imul(template ^ byte, FNV_PRIME);
      i += 1;
      continue;
    }
    if (kind === DIGIT) {
      const start = i;
      const before = start > begin ? (bytes[start - 1] as number) : 32;
      let after = start + 1;
      while (CLASS[bytes[after] ?? 32] === DIGIT) after += 1;
      const behind = bytes[after] ?? 32;
      let stop = mayBeTime(after - start, behind) ? skipTime(bytes, start, end) | 0 : 0;
      if (stop > 0) {
        if (start - begin < STAMP_WITHIN) flags |= Flag.stamped;
        stable = Math.imul(stable ^ MASK_TIME, FNV_PRIME);
        template = Math.imul(template ^ MASK_TIME, FNV_PRIME);
        i = stop;
        continue;
      }
      stop = skipUuid(bytes, start, end) | 0;
      if (stop > 0) {
        stable = Math.imul(stable ^ MASK_ID, FNV_PRIME);
        template = Math.imul(template ^ MASK_ID, FNV_PRIME);
        i = stop;
        continue;
      }
      stop = behind === 46 && after - start <= 3 ? skipIp(bytes, start, end) | 0 : 0;
      if (stop > 0) {
        for (let k = start; k < stop; k += 1) stable = Math.imul(stable ^ (bytes[k] as number), FNV_PRIME);
        template = Math.imul(template ^ MASK_ADDRESS, FNV_PRIME);
        i = stop;
        // A port is chosen anew for each connection.
        if (bytes[i] === 58 && CLASS[bytes[i + 1] ?? 32] === DIGIT) {
          i += 1;
          while (i < end && CLASS[bytes[i] as number] === DIGIT) i += 1;
        }
        continue;
      }
      let value = 0;
      do {
        value = value * 10 + (bytes[i] as number) - 48;
        i += 1;
      } while (i < end && CLASS[bytes[i] as number] === DIGIT);
      const digits = i - start;
      let decimal = false;
      if (i + 1 < end && bytes[i] === 46 && CLASS[bytes[i + 1] as number] === DIGIT) {
        decimal = true;
        let scale = 10;
        i += 1;
        do {
          value += ((bytes[i] as number) - 48) / scale;
          scale *= 10;
          i += 1;
        } while (i < end && CLASS[bytes[i] as number] === DIGIT);
      }
      const next = i < end ? (bytes[i] as number) : 32;
      if (monthAt === wordIndex && digits <= 2 && !decimal) {
        stable = Math.imul(stableBeforeMonth ^ MASK_TIME, FNV_PRIME);
        template = Math.imul(templateBeforeMonth ^ MASK_TIME, FNV_PRIME);
        continue;
      }
      if (!decimal && skipEpoch(bytes, start, digits)) {
        if (start === begin || (start - begin < STAMP_WITHIN && before !== 95)) flags |= Flag.stamped;
        stable = Math.imul(stable ^ MASK_TIME, FNV_PRIME);
        template = Math.imul(template ^ MASK_TIME, FNV_PRIME);
        continue;
      }
      if (CLASS[next] === LETTER) {
        const unitEnd = endOfLetters(bytes, i, end) | 0;
        if (isDuration(bytes, i, unitEnd) && CLASS[bytes[unitEnd] ?? 32] !== DIGIT) {
          stable = Math.imul(stable ^ MASK_DURATION, FNV_PRIME);
          template = Math.imul(template ^ MASK_DURATION, FNV_PRIME);
          i = unitEnd;
          continue;
        }
        const runEnd = decimal ? unitEnd : endOfRun(bytes, start, end) | 0;
        if (runEnd > unitEnd || (runEnd - start >= 7 && isRandom(bytes, start, runEnd))) {
          const random = isRandom(bytes, start, runEnd);
          if (random) {
            stable = Math.imul(stable ^ MASK_ID, FNV_PRIME);
            template = Math.imul(template ^ MASK_ID, FNV_PRIME);
          } else {
            for (let k = start; k < runEnd; k += 1) {
              const b = bytes[k] as number;
              stable = Math.imul(stable ^ b, FNV_PRIME);
              if (CLASS[b] !== DIGIT) template = Math.imul(template ^ b, FNV_PRIME);
              else if (k === start || CLASS[bytes[k - 1] as number] !== DIGIT)
                template = Math.imul(template ^ MASK_NUMBER, FNV_PRIME);
            }
          }
          i = runEnd;
          wordIndex += 1;
          continue;
        }
      } else if (next === 32 && i + 1 < end && CLASS[bytes[i + 1] as number] === LETTER) {
        const unitEnd = endOfLetters(bytes, i + 1, end) | 0;
        // "3 s" and "3 seconds", yet not "3 M" or "3 d" of something.
        if (unitEnd - i > 2 && isDuration(bytes, i + 1, unitEnd)) {
          stable = Math.imul(stable ^ MASK_DURATION, FNV_PRIME);
          template = Math.imul(template ^ MASK_DURATION, FNV_PRIME);
          continue;
        }
      }
      const isPid =
        pidAt === wordIndex || (before === 91 && next === 93 && digits >= 2 && spoken) || before === 35;
      template = Math.imul(template ^ MASK_NUMBER, FNV_PRIME);
      if (isPid && !decimal) stable = Math.imul(stable ^ MASK_ID, FNV_PRIME);
      else for (let k = start; k < i; k += 1) stable = Math.imul(stable ^ (bytes[k] as number), FNV_PRIME);
      if (value === 0) zeroAt = wordIndex;
      if (failureEnd >= 0 && (value === 0 || decimal) && onlyAssigns(bytes, failureEnd, start)) failures -= 1;
      if (exitAt >= 0 && wordIndex - exitAt <= 3 && value !== 0) {
        failures += 1;
        flags |= Flag.exit;
        exitAt = -9;
      }
      // The status of a request in an access log: 4xx is the caller's fault.
      if (before === 32 && start - 2 >= from && bytes[start - 2] === 34 && digits === 3) {
        if (value >= 200 && value < 400) flags |= Flag.success;
        if (value >= 400 && value < 500) flags |= Flag.peer;
        if (value >= 500) failures += 1;
      }
      if (numberCount < NUMBERS_MAX && !isPid && elapsedAt !== wordIndex) {
        out.numbers[numberCount] = value;
        const fraction = next === 47 && CLASS[bytes[i + 1] ?? 32] === DIGIT && before !== 47 && before !== 46;
        out.explicit[numberCount] = next === 37 || fraction ? 1 : 0;
        numberCount += 1;
      }
      continue;
    }
    if (kind === ESCAPE) {
      // It may hold one itself.
      if (!escaped && afterRewritten(bytes, begin, end) > begin) return false;
      escaped = true;
      i = skipEscape(bytes, i, end) | 0;
      if (!spoken) visible = i;
      continue;
    }
    // What is left is space, of which any amount is one.
    let space = byte;
    do {
      if (space === CARRIAGE_RETURN) return false;
      i += 1;
      space = i < end ? (bytes[i] as number) : 0;
    } while (i < end && CLASS[space] === SPACE);
    if (i < end) {
      stable = Math.imul(stable ^ 32, FNV_PRIME);
      template = Math.imul(template ^ 32, FNV_PRIME);
    }
  }

  flags |= headFlags(bytes, visible, end);
  if (failures > 0 && !low && !healed) flags |= inbound && access ? Flag.peer : Flag.failure;
  out.template = finish(template);
  // A counter of attempts is no news.
  const again = (flags & (Flag.retry | Flag.restart)) !== 0;
  out.stable = again ? out.template : finish(cut ? mix(stable, length) : stable);
  out.flags = flags;
  out.numberCount = numberCount;
  return true;
}
