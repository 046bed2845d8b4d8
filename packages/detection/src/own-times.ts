/** Reads the time a log line carries. Zones are ignored: only distances matter, and one log keeps to one zone. */
interface Shape {
  readonly pattern: RegExp;
  readonly read: (match: RegExpExecArray) => number;
}

const MONTHS = "janfebmaraprmayjunjulaugsepoctnovdec";
const DAY_MS = 86_400_000;
/** Logs without a year are placed in a leap year, so that 29 February exists. */
const ANY_YEAR = 2000;

function month(name: string): number {
  return MONTHS.indexOf(name.toLowerCase()) / 3;
}

function fraction(text: string | undefined): number {
  return text === undefined ? 0 : Math.floor(Number(`0.${text}`) * 1000);
}

function time(year: number, monthIndex: number, day: number, clock: readonly (string | undefined)[]): number {
  const [hours = "0", minutes = "0", seconds = "0", part] = clock;
  return Date.UTC(year, monthIndex, day, Number(hours), Number(minutes), Number(seconds)) + fraction(part);
}

function fullYear(text: string): number {
  return text.length === 2 ? 2000 + Number(text) : Number(text);
}

const CLOCK = String.raw`(\d{1,2}):(\d{2}):(\d{2})(?:[.,:](\d{1,9}))?`;

const SHAPES: readonly Shape[] = [
  {
    pattern: new RegExp(String.raw`(?<!\d)((?:19|20)\d\d)[-/.](\d{1,2})[-/.](\d{1,2})[T _:-]+${CLOCK}`),
    read: (m) => time(Number(m[1]), Number(m[2]) - 1, Number(m[3]), m.slice(4)),
  },
  {
    pattern: new RegExp(String.raw`(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)[-T _]${CLOCK}`),
    read: (m) => time(Number(m[1]), Number(m[2]) - 1, Number(m[3]), m.slice(4)),
  },
  {
    pattern: new RegExp(String.raw`(?<!\d)(\d{1,2})[-/ ]([A-Z][a-z]{2})[-/ ](\d{4})[: ]${CLOCK}`),
    read: (m) => time(Number(m[3]), month(m[2] ?? ""), Number(m[1]), m.slice(4)),
  },
  {
    // 17/06/09 is year first, 11/14/2021 is month first: nobody writes the year first in four digits with slashes twice.
    pattern: new RegExp(String.raw`(?<!\d)(\d\d)/(\d\d)/(\d{4}) ${CLOCK}`),
    read: (m) => time(Number(m[3]), Number(m[1]) - 1, Number(m[2]), m.slice(4)),
  },
  {
    pattern: new RegExp(String.raw`(?<!\d)(\d\d)[/-](\d\d)[/-](\d\d) ${CLOCK}`),
    read: (m) => time(fullYear(m[1] ?? ""), Number(m[2]) - 1, Number(m[3]), m.slice(4)),
  },
  {
    pattern: new RegExp(String.raw`([A-Z][a-z]{2}) +(\d{1,2}),? +(?:(\d{4}) +)?${CLOCK}(?: (\d{4}))?`),
    read: (m) =>
      time(Number(m[3] ?? m[8] ?? ANY_YEAR), month(m[1] ?? ""), Number(m[2]), [m[4], m[5], m[6], m[7]]),
  },
  {
    pattern: new RegExp(String.raw`^[IWEF](\d\d)(\d\d) ${CLOCK}`),
    read: (m) => time(ANY_YEAR, Number(m[1]) - 1, Number(m[2]), m.slice(3)),
  },
  {
    pattern: new RegExp(String.raw`(?<!\d)(\d\d)[-/](\d\d) ${CLOCK}`),
    read: (m) => time(ANY_YEAR, Number(m[1]) - 1, Number(m[2]), m.slice(3)),
  },
  {
    pattern: /^(\d\d)(\d\d)(\d\d) (\d\d)(\d\d)(\d\d)(?= )/,
    read: (m) => time(fullYear(m[1] ?? ""), Number(m[2]) - 1, Number(m[3]), m.slice(4)),
  },
  { pattern: /(?<![\w.-])(1\d{9})(?:\.(\d+))?(?![\w.])/, read: (m) => Number(m[1]) * 1000 + fraction(m[2]) },
  { pattern: /(?<![\w.-])(1\d{12})(?![\w.])/, read: (m) => Number(m[1]) },
  // Seconds since the start, as virtual machines and kernels count.
  { pattern: /^\[? *(\d{1,9})\.(\d{3,6})s?\]?(?=[: ])/, read: (m) => Number(m[1]) * 1000 + fraction(m[2]) },
  { pattern: new RegExp(String.raw`^\W{0,3}${CLOCK}`), read: (m) => time(ANY_YEAR, 0, 1, m.slice(1)) },
];

const HEAD_CHARACTERS = 160;
const ANSI = new RegExp(String.raw`${String.fromCharCode(27)}\[[0-9;?]*[ -/]*[@-~]`, "g");

export const SHAPE_COUNT = SHAPES.length;

/** Milliseconds of a line's own time in this shape, or null. */
export function ownTime(shapeIndex: number, bytes: Uint8Array): number | null {
  const shape = SHAPES[shapeIndex];
  const match = shape?.pattern.exec(headOf(bytes));
  if (shape === undefined || match === null || match === undefined) return null;
  const at = shape.read(match);
  return Number.isFinite(at) ? at : null;
}

function headOf(bytes: Uint8Array): string {
  let head = "";
  const length = Math.min(bytes.length, HEAD_CHARACTERS);
  for (let index = 0; index < length; index += 1) head += String.fromCharCode(bytes[index] as number);
  return head.includes("\u001b") ? head.replace(ANSI, "") : head;
}

/** A log without years steps back at New Year; any other step back is disorder. */
export function isNewYear(before: number, at: number): boolean {
  return before - at > 300 * DAY_MS;
}
