/**
 * A command line as people type it, split into arguments: blanks separate, single and double quotes and backslashes
 * protect. Nothing is expanded, since no shell will see it. Returns a sentence when a quote stays open.
 */
export function splitCommand(text: string): readonly string[] | { readonly problem: string } {
  const words: string[] = [];
  let word: string | undefined;
  let quote: "'" | '"' | undefined;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string; // `at` is below the length
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else if (char === "\\" && quote === '"' && '"\\'.includes(text[at + 1] ?? " "))
        word = (word ?? "") + text[(at += 1)];
      else word = (word ?? "") + char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      if (at + 1 === text.length) return { problem: "The command ends in a backslash." };
      word = (word ?? "") + text[(at += 1)];
    } else if (/\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== undefined) return { problem: `A ${quote} is opened and never closed.` };
  if (word !== undefined) words.push(word);
  return words;
}

/** The command line that `splitCommand` would split into these arguments. */
export function joinCommand(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
