/** The query language of the agents list, as far as the page edits it: words, `key:value` and `label.KEY=VALUE`. */
export interface FilterTerm {
  readonly key: string | undefined;
  readonly value: string;
  readonly text: string;
}

/** Terms as the server splits them: blanks separate, double quotes keep a value whole. */
export function filterTerms(text: string): FilterTerm[] {
  return [...text.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)].map(([term]) => {
    const [, key, value] = /^([A-Za-z_]+|label\.[^=:\s]+)[:=](.*)$/.exec(term) ?? [];
    return key === undefined || value === undefined
      ? { key: undefined, value: term.replaceAll('"', ""), text: term }
      : { key, value: value.replaceAll('"', ""), text: term };
  });
}

export function hasTerm(text: string, key: string, value: string): boolean {
  return filterTerms(text).some((term) => term.key === key && term.value === value);
}

/** The text with this value as the only one of its key; without it when it was there. */
export function toggleTerm(text: string, key: string, value: string): string {
  const others = filterTerms(text).filter((term) => term.key !== key);
  const added = hasTerm(text, key, value)
    ? []
    : [`${key}${key.startsWith("label.") ? "=" : ":"}${quoted(value)}`];
  return [...others.map((term) => term.text), ...added].join(" ");
}

function quoted(value: string): string {
  return /\s/.test(value) ? `"${value}"` : value;
}
