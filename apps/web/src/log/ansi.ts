/**
 * Terminal output to styled spans: SGR colours (16, 256, truecolor) and attributes. Every other escape sequence is
 * removed, titles and hyperlinks too, so that nothing a program prints can be more than text. Each line starts plain,
 * because lines are shown out of order.
 */
export interface AnsiStyle {
  /** 0 to 15 by name of the palette, or a CSS `rgb()` made from numbers. */
  readonly fg?: number | string;
  readonly bg?: number | string;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly strike?: true;
  readonly inverse?: true;
}
export interface Span {
  readonly text: string;
  readonly style: AnsiStyle;
}

const PLAIN: AnsiStyle = {};
// CSI; OSC, DCS, SOS, PM and APC up to their terminator or the end; two-character escapes; what is left of a torn one.
const ESCAPE =
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
  /\u001b\[([0-?]*)[ -/]*([@-~])|\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|\u001b\[[0-?]*[ -/]*$|\u001b[ -/]*[0-~]|\u001b|\u009b([0-?]*)[ -/]*([@-~])/g;
// oxlint-disable-next-line no-control-regex -- what cannot be shown is replaced by a picture of it
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/g;

export function parseAnsi(line: string): Span[] {
  const spans: Span[] = [];
  let style = PLAIN;
  let from = 0;
  const add = (text: string) => {
    if (text === "") return;
    const shown = text.replace(CONTROL, picture);
    const last = spans.at(-1);
    if (last?.style === style) spans[spans.length - 1] = { text: last.text + shown, style };
    else spans.push({ text: shown, style });
  };
  for (const match of line.matchAll(ESCAPE)) {
    add(line.slice(from, match.index));
    from = match.index + match[0].length;
    if ((match[2] ?? match[4]) === "m") style = afterSgr(style, match[1] ?? match[3] ?? "");
  }
  add(line.slice(from));
  return spans;
}

/** A control character as its picture (␀ … ␡), so that it is seen and does nothing. */
function picture(char: string): string {
  return char === "\u007f" ? "\u2421" : String.fromCodePoint(0x2400 + char.charCodeAt(0));
}

function afterSgr(before: AnsiStyle, parameters: string): AnsiStyle {
  // Both forms of truecolor are in use: 38;2;r;g;b and 38:2::r:g:b.
  const codes = parameters
    .split(";")
    .map((part) => part.split(":").map((code) => (code === "" ? 0 : Number(code))));
  let style: AnsiStyle = before;
  for (let at = 0; at < codes.length; at += 1) {
    const [code = 0, ...sub] = codes[at] ?? [];
    if (code === 38 || code === 48) {
      const [colour, used] =
        sub.length > 0 ? [extended(sub), 0] : extendedFlat(codes.slice(at + 1).map(([first = 0]) => first));
      at += used;
      if (colour !== undefined) style = { ...style, [code === 38 ? "fg" : "bg"]: colour };
    } else style = afterCode(style, code);
  }
  return style;
}

function afterCode(style: AnsiStyle, code: number): AnsiStyle {
  if (code === 0) return PLAIN;
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 };
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 };
  if (code >= 90 && code <= 97) return { ...style, fg: code - 82 };
  if (code >= 100 && code <= 107) return { ...style, bg: code - 92 };
  const on = ATTRIBUTES[code];
  if (on !== undefined) return { ...style, [on]: true };
  const off = ENDS[code];
  if (off === undefined) return style;
  return Object.fromEntries(Object.entries(style).filter(([key]) => !off.includes(key)));
}

const ATTRIBUTES: Readonly<Record<number, keyof AnsiStyle>> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  9: "strike",
};
const ENDS: Readonly<Record<number, readonly string[]>> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  29: ["strike"],
  39: ["fg"],
  49: ["bg"],
};

function extended(sub: readonly number[]): number | string | undefined {
  if (sub[0] === 5) return indexed(sub[1]);
  // With a colour space (2:0:r:g:b) or without (2:r:g:b): the last three are what counts.
  return sub[0] === 2 && sub.length >= 4 ? rgb(sub.slice(-3)) : undefined;
}

function extendedFlat(rest: readonly number[]): [number | string | undefined, number] {
  if (rest[0] === 5) return [indexed(rest[1]), 2];
  return rest[0] === 2 ? [rgb(rest.slice(1, 4)), 4] : [undefined, 0];
}

function indexed(index: number | undefined): number | string | undefined {
  if (index === undefined || !Number.isInteger(index) || index < 0 || index > 255) return undefined;
  if (index < 16) return index;
  if (index >= 232) return rgb([8 + (index - 232) * 10, 8 + (index - 232) * 10, 8 + (index - 232) * 10]);
  const cube = index - 16;
  return rgb(
    [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((step) =>
      step === 0 ? 0 : 55 + step * 40,
    ),
  );
}

function rgb(channels: readonly number[]): string | undefined {
  return channels.length === 3 &&
    channels.every((channel) => Number.isInteger(channel) && channel >= 0 && channel <= 255)
    ? `rgb(${channels.join(" ")})`
    : undefined;
}
