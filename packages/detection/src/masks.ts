/** What in a line differs although it says the same: times, durations, addresses, ids. All answers are end offsets, 0 for no. */

function digit(bytes: Uint8Array, at: number): boolean {
  const byte = bytes[at] ?? 0;
  return byte >= 48 && byte <= 57;
}

function letter(bytes: Uint8Array, at: number): boolean {
  const byte = (bytes[at] ?? 0) | 32;
  return byte >= 97 && byte <= 122;
}

function digitsFrom(bytes: Uint8Array, at: number, max: number): number {
  const end = at + max;
  let i = at;
  // Behind the last byte there is nothing, which is no digit either.
  while (i < end && (bytes[i] as number) >= 48 && (bytes[i] as number) <= 57) i += 1;
  return i - at;
}

/** Whether so many digits and the byte behind them can begin what `skipTime` knows: most numbers cannot. */
export function mayBeTime(digits: number, after: number): boolean {
  switch (digits) {
    case 1:
    case 2:
      return after === 58 || after === 47 || after === 45;
    case 4:
      return after === 45 || after === 47 || after === 46;
    case 6:
      return after === 32;
    case 8:
      return after === 45 || after === 84 || after === 32 || after === 95;
    default:
      return false;
  }
}

/** A date, a time of day, or both, as loggers write them; `start` is at a digit. */
export function skipTime(bytes: Uint8Array, start: number, end: number): number {
  const count = digitsFrom(bytes, start, 9);
  const after = bytes[start + count];
  if (count <= 2 && after === 58) return skipClock(bytes, start, end);
  if (count === 4 && (after === 45 || after === 47 || after === 46)) {
    const month = digitsFrom(bytes, start + 5, 3);
    if (month < 1 || month > 2 || bytes[start + 5 + month] !== after) return 0;
    const day = digitsFrom(bytes, start + 6 + month, 3);
    if (day < 1 || day > 2) return 0;
    return withClock(bytes, start + 6 + month + day, end);
  }
  if (count <= 2 && (after === 47 || after === 45)) {
    const at = start + count + 1;
    const named = letter(bytes, at) && letter(bytes, at + 1) && letter(bytes, at + 2);
    const month = named ? 3 : digitsFrom(bytes, at, 3);
    if ((!named && (month < 1 || month > 2)) || bytes[at + month] !== after) return 0;
    const year = digitsFrom(bytes, at + month + 1, 5);
    if (year !== 2 && year !== 4) return 0;
    return withClock(bytes, at + month + 1 + year, end);
  }
  if (count === 8 && (bytes[start] === 49 || bytes[start] === 50)) {
    const century = (bytes[start] as number) * 10 + (bytes[start + 1] as number);
    // 19… or 20…, and a clock behind it.
    if (
      (century === 547 || century === 548) &&
      (after === 45 || after === 84 || after === 32 || after === 95)
    ) {
      const clock = start + 9;
      if (digitsFrom(bytes, clock, 7) === 6) return clock + 6;
      return skipClock(bytes, clock, end);
    }
  }
  // Two blocks of six digits, as Hadoop writes them.
  if (
    count === 6 &&
    after === 32 &&
    digitsFrom(bytes, start + 7, 7) === 6 &&
    (start === 0 || bytes[start - 1] === 10)
  )
    return start + 13;
  return 0;
}

function withClock(bytes: Uint8Array, at: number, end: number): number {
  const joint = bytes[at];
  if (joint === 32 || joint === 84 || joint === 45 || joint === 58 || joint === 95) {
    const clock = skipClock(bytes, at + 1, end);
    if (clock > 0) return clock;
  }
  return at;
}

/** `h:mm`, `hh:mm:ss`, with a fraction and a zone. */
function skipClock(bytes: Uint8Array, start: number, end: number): number {
  const hours = digitsFrom(bytes, start, 3);
  if (hours < 1 || hours > 2 || bytes[start + hours] !== 58) return 0;
  let at = start + hours + 1;
  if (digitsFrom(bytes, at, 3) !== 2) return 0;
  at += 2;
  if (bytes[at] === 58 && digitsFrom(bytes, at + 1, 3) === 2) {
    at += 3;
    if ((bytes[at] === 46 || bytes[at] === 44 || bytes[at] === 58) && digit(bytes, at + 1))
      at += 1 + digitsFrom(bytes, at + 1, 9);
  }
  if (bytes[at] === 90) return at + 1;
  const sign = bytes[at] === 32 ? at + 1 : at;
  if ((bytes[sign] === 43 || bytes[sign] === 45) && digitsFrom(bytes, sign + 1, 2) === 2) {
    const minutes = bytes[sign + 3] === 58 ? sign + 4 : sign + 3;
    if (digitsFrom(bytes, minutes, 3) === 2) return Math.min(minutes + 2, end);
    if (sign === at) return sign + 3;
  }
  return Math.min(at, end);
}

/** Seconds, milliseconds, microseconds or nanoseconds since 1970, from 2001 to 2033. */
export function skipEpoch(bytes: Uint8Array, start: number, digits: number): boolean {
  return (digits === 10 || digits === 13 || digits === 16 || digits === 19) && bytes[start] === 49;
}

export function skipIp(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  for (let group = 0; group < 4; group += 1) {
    const count = digitsFrom(bytes, at, 4);
    if (count < 1 || count > 3) return 0;
    at += count;
    if (group < 3) {
      if (bytes[at] !== 46) return 0;
      at += 1;
    }
  }
  return at > end || (bytes[at] === 46 && digit(bytes, at + 1)) ? 0 : at;
}

function hex(bytes: Uint8Array, at: number): boolean {
  const byte = (bytes[at] ?? 0) | 32;
  return digit(bytes, at) || (byte >= 97 && byte <= 102);
}

export function skipUuid(bytes: Uint8Array, start: number, end: number): number {
  if (start + 36 > end || bytes[start + 8] !== 45 || bytes[start + 13] !== 45) return 0;
  if (bytes[start + 18] !== 45 || bytes[start + 23] !== 45) return 0;
  for (let offset = 0; offset < 36; offset += 1) {
    if (offset !== 8 && offset !== 13 && offset !== 18 && offset !== 23 && !hex(bytes, start + offset))
      return 0;
  }
  return start + 36;
}

const DURATIONS = new Set(
  "ns us ms s m h d sec secs second seconds min mins minute minutes hr hrs hour hours day days millis milliseconds".split(
    " ",
  ),
);
const DURATION_LENGTH_MAX = 12;
/** What they begin with: most words behind a number are told by that, and no text is made of them. */
const DURATION_BEGINS = new Uint8Array(256);
for (const word of DURATIONS) DURATION_BEGINS[word.charCodeAt(0)] = 1;

/** Case matters: `M` is a million or a megabyte, `m` a minute. */
export function isDuration(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  const first = bytes[start] as number;
  if (length > DURATION_LENGTH_MAX || DURATION_BEGINS[first] !== 1) return false;
  if (length === 1) return first !== 110 && first !== 117;
  if (length === 2 && bytes[start + 1] === 115) return first === 109 || first === 117 || first === 110;
  let word = "";
  for (let at = start; at < end; at += 1) word += String.fromCharCode(bytes[at] as number);
  return DURATIONS.has(word);
}
