/** Before, after and capacity; the figure of one space has its name and a colon in front, that of the whole heap has not. */
const ARROW = /(\w: )?\b\d+(?:\.\d+)?[KMG]i?B?->(\d+(?:\.\d+)?)([KMG])i?B?\(\d+(?:\.\d+)?[KMG]/g;
const NAMED =
  /\b(?:rss|heap|mem(?:ory)?)(?:[ _-](?:used|usage|size|rss|in use))?["']?\s*(?:[:=]|is|at|of)?\s*(\d+(?:\.\d+)?) ?([KMG])i?B?\b/i;

const UNIT: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** The memory a line reports in bytes: what a garbage collection left, or a figure named as memory in use. Null for all others. */
export function reportedMemory(text: string): number | null {
  const arrows = [...text.matchAll(ARROW)];
  const arrow = arrows.find(([, space]) => space === undefined) ?? arrows[0];
  if (arrow !== undefined) return size(arrow[2], arrow[3]);
  const named = NAMED.exec(text);
  return named === null ? null : size(named[1], named[2]);
}

function size(value: string | undefined, unit: string | undefined): number | null {
  const factor = UNIT[(unit ?? "").toUpperCase()];
  return factor === undefined ? null : Math.round(Number(value) * factor);
}
