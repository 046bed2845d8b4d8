import type { ReactNode } from "react";

/** What the three tabs share: a sentence that says what this is for, the way to make one, and the list. */
export function TabList({
  sentence,
  action,
  children,
}: {
  sentence: string;
  action: ReactNode;
  children: ReactNode;
}) {
  return (
    <div className="flex h-full min-h-0 flex-col">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-2 px-6 py-3 max-md:px-4">
        <p className="max-w-[90ch] min-w-0 shrink basis-auto max-md:basis-full text-n9">{sentence}</p>
        <div className="md:ml-auto">{action}</div>
      </div>
      {children}
    </div>
  );
}
