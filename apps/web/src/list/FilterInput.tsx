import { Search, X } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useKeys } from "../frame/keys.ts";

const TYPING_PAUSE_MS = 200;

/** The query bar of a list. What is typed reaches the address after a short pause; `/` brings one here. */
export function FilterInput({
  value,
  onChange,
  label,
  placeholder,
}: {
  value: string;
  onChange: (value: string) => void;
  label: string;
  placeholder: string;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(value);
  const [known, setKnown] = useState(value);
  if (known !== value) {
    // The address changed by other means (back, a facet): it wins over what stands here.
    setKnown(value);
    setText(value);
  }
  useKeys([{ keys: "/", does: "Filter", run: () => input.current?.focus() }]);
  useEffect(() => {
    if (text === known) return undefined;
    const timer = window.setTimeout(() => {
      setKnown(text);
      onChange(text);
    }, TYPING_PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, [text, known, onChange]);
  return (
    <div role="search" className="relative min-w-0 flex-1">
      <Search
        size={14}
        aria-hidden="true"
        className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-n8"
      />
      <input
        ref={input}
        type="text"
        aria-label={label}
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => (event.key === "Escape" ? event.currentTarget.blur() : undefined)}
        className="h-8 w-full rounded-md border border-n7 bg-n0 pr-8 pl-8 placeholder:text-n8 max-md:h-10 max-md:text-[16px]"
      />
      {text === "" ? null : (
        <button
          type="button"
          aria-label="Clear the filter"
          onClick={() => {
            setText("");
            setKnown("");
            onChange("");
            input.current?.focus();
          }}
          className="absolute top-1/2 right-1 flex size-6 -translate-y-1/2 items-center justify-center rounded-sm text-n8 hover:text-n10"
        >
          <X size={14} aria-hidden="true" />
        </button>
      )}
    </div>
  );
}
