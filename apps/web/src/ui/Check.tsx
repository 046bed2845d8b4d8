import type { ReactNode } from "react";

/** A box to tick, with its words as the label and a line about what follows from it. */
export function Check({
  checked,
  onChange,
  hint,
  children,
}: {
  checked: boolean;
  onChange: (checked: boolean) => void;
  hint?: ReactNode;
  children: ReactNode;
}) {
  return (
    <label className="flex items-baseline gap-2 max-md:min-h-9">
      <input
        type="checkbox"
        checked={checked}
        onChange={(event) => onChange(event.target.checked)}
        className="translate-y-0.5 accent-accent"
      />
      <span className="min-w-0">
        {children}
        {hint === undefined ? null : <span className="block text-sm text-n8">{hint}</span>}
      </span>
    </label>
  );
}
