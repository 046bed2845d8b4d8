/** Every terminal escape sequence begins with it, in UTF-8 text as good as always. */
export const ESCAPE_BYTE = 0x1b;

/**
 * The text a reader sees: without CSI sequences (colours, cursor), without OSC, DCS, SOS, PM and APC strings up to their
 * terminator or the end of the line, without two-character escapes, and without what is left of a torn one.
 */
export function withoutEscapes(text: string): string {
  return text.replace(ESCAPE, "");
}

const ESCAPE =
  // The escape character itself is what is looked for.
  // oxlint-disable-next-line no-control-regex
  /\u001b(?:\[[0-?]*[ -/]*(?:[@-~]|$)|[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[ -/]*[0-~]|)/g;
