interface CodeProps {
  readonly text: string;
  readonly label: string;
  /** Who brought a line, counted from 1; undefined is nobody in particular. */
  readonly originOf?: (line: number) => string | undefined;
}

/** A text with line numbers and just enough colour to find one's way in YAML and JSON. */
export function Code({ text, label, originOf }: CodeProps) {
  const lines = text.replace(/\n$/, "").split("\n");
  return (
    <div
      role="region"
      aria-label={label}
      // Long lines scroll, so the block must be reachable by keyboard.
      tabIndex={0}
      className="overflow-x-auto rounded-md border border-n4 bg-n1 py-2 font-mono text-sm"
    >
      <table className="min-w-full border-collapse">
        <tbody>
          {lines.map((line, index) => (
            // Lines have no identity but their place.
            // oxlint-disable-next-line react/no-array-index-key
            <tr key={index} className={originOf?.(index + 1) === undefined ? "" : "bg-accent-soft"}>
              <td className="w-12 pr-4 text-right text-n8 select-none" aria-hidden="true">
                {index + 1}
              </td>
              {originOf === undefined ? null : (
                <td className="pr-4 font-sans text-xs whitespace-nowrap text-n9">
                  {originOf(index + 1) === originOf(index) ? null : originOf(index + 1)}
                </td>
              )}
              <td className="w-full pr-4 whitespace-pre">{coloured(line)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Just enough colour to find one's way in YAML and JSON: keys and comments. */
function coloured(line: string): React.ReactNode {
  if (/^\s*#/.test(line)) return <span className="text-n8">{line}</span>;
  const [, start, key, rest] = /^(\s*(?:- )?)("?[\w./${}@-]+"?:)(.*)$/.exec(line) ?? [];
  if (key === undefined) return line === "" ? " " : line;
  return (
    <>
      {start}
      <span className="text-accent">{key}</span>
      {rest}
    </>
  );
}
