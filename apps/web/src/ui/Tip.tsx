import { Tooltip } from "radix-ui";
import type { ReactElement } from "react";
import { Kbd } from "./Kbd.tsx";

export function Tip({
  text,
  shortcut,
  children,
}: {
  text: string;
  shortcut?: string;
  children: ReactElement;
}) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger asChild>{children}</Tooltip.Trigger>
      <Tooltip.Portal>
        <Tooltip.Content
          sideOffset={6}
          collisionPadding={8}
          className="z-50 flex max-w-72 animate-appear items-center gap-2 rounded-md border border-n5 bg-n0 px-2 py-1 text-sm text-n9 shadow-sm"
        >
          {text}
          {shortcut === undefined ? null : <Kbd keys={shortcut} />}
        </Tooltip.Content>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
