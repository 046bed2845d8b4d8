import type { ReactNode } from "react";

/** A table that may be wider than the page: it scrolls by itself, and by keyboard too. */
export function Scrolls({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div
      role="region"
      aria-label={label}
      tabIndex={0}
      className="overflow-x-auto rounded-md border border-n4"
    >
      {children}
    </div>
  );
}
