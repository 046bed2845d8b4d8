/**
 * Whether a path matches a pattern: `*` and `?` stand for characters within one part, `**` for any, slashes included. Takes time
 * in proportion to both lengths multiplied at worst, whatever the pattern.
 */
export function matchesGlob(pattern: string, path: string): boolean {
  // reached[i]: the pattern so far can have matched exactly the first i characters.
  let reached = new Uint8Array(path.length + 1);
  reached[0] = 1;
  for (let index = 0; index < pattern.length; index += 1) {
    const next = new Uint8Array(path.length + 1);
    const isStar = pattern[index] === "*";
    const isDeep = isStar && pattern[index + 1] === "*";
    for (let at = 0; at <= path.length; at += 1) {
      if (isStar) {
        const grows = at > 0 && next[at - 1] === 1 && (isDeep || path[at - 1] !== "/");
        next[at] = reached[at] === 1 || grows ? 1 : 0;
      } else if (at > 0 && reached[at - 1] === 1) {
        const char = path[at - 1];
        next[at] = char === pattern[index] || (pattern[index] === "?" && char !== "/") ? 1 : 0;
      }
    }
    if (isDeep) index += 1;
    reached = next;
  }
  return reached[path.length] === 1;
}
