import type { ReactNode } from "react";

/** Options most people leave alone, folded under one line that says which they are. */
export function More({
  title,
  open = false,
  children,
}: {
  title: string;
  open?: boolean;
  children: ReactNode;
}) {
  return (
    <details open={open}>
      <summary className="cursor-pointer rounded-sm text-n9 hover:text-n10">{title}</summary>
      <div className="flex flex-col gap-4 pt-4">{children}</div>
    </details>
  );
}
