/** What a shell would do something with; none is there to do it. */
const SHELL_ONLY = /[|&;<>()`$*?~]/;

/**
 * Splits a command line into words as a shell would, quotes and backslashes included, and does nothing else. A problem is
 * told as the rest of a sentence about the command.
 */
export function splitCommand(line: string): { words: string[] } | { problem: string } {
  const words: string[] = [];
  let word: string | null = null;
  let quote: '"' | "'" | null = null;
  for (let index = 0; index < line.length; index += 1) {
    const char = line.charAt(index);
    if (quote !== null) {
      if (char === quote) quote = null;
      else if (char === "\\" && quote === '"' && /["\\$`]/.test(line.charAt(index + 1))) {
        index += 1;
        word = (word ?? "") + line.charAt(index);
      } else word = (word ?? "") + char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      index += 1;
      word = (word ?? "") + line.charAt(index);
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (SHELL_ONLY.test(char)) {
      return {
        problem: `\`${char}\` is the shell's, and there is none; write [sh, -c, '…'] to use one, or put it in quotes`,
      };
    } else word = (word ?? "") + char;
  }
  if (quote !== null) return { problem: `a ${quote} is never closed` };
  if (word !== null) words.push(word);
  return words.length === 0 ? { problem: "it is empty; say which program to run" } : { words };
}
