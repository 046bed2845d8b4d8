/** Environment variables as people edit them: one `NAME=value` a line; the value is everything after the first `=`. */
export function parseEnvironment(text: string): { values: Record<string, string> } | { problem: string } {
  const values: Record<string, string> = {};
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const [, name, value] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) {
      return { problem: `“${line.slice(0, 60)}” is not NAME=value; a name has letters, digits and _.` };
    }
    values[name] = value;
  }
  return { values };
}
