interface ScopesProps<T extends string> {
  readonly label: string;
  readonly scopes: readonly { readonly value: T | undefined; readonly word: string }[];
  readonly chosen: T | undefined;
  readonly onChoose: (value: T | undefined) => void;
}

/** A few views of one list that exclude each other, all in sight. */
export function Scopes<T extends string>({ label, scopes, chosen, onChoose }: ScopesProps<T>) {
  return (
    <div role="group" aria-label={label} className="flex rounded-md border border-n5 p-0.5">
      {scopes.map(({ value, word }) => (
        <button
          key={word}
          type="button"
          aria-pressed={chosen === value}
          onClick={() => onChoose(value)}
          className="h-6.5 rounded-sm px-2.5 text-n9 aria-pressed:bg-n3 aria-pressed:font-medium aria-pressed:text-n10 max-md:h-8"
        >
          {word}
        </button>
      ))}
    </div>
  );
}
