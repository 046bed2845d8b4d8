import { clsx } from "clsx";
import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { MenuEntry, MenuProps } from "./Menu.tsx";

/** Mounted when somebody opens the menu for the first time, so it starts open. */
export default function OpenMenu({ trigger, entries, align = "end" }: MenuProps) {
  return (
    <DropdownMenu.Root defaultOpen modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="z-50 max-h-[70dvh] max-w-[min(360px,calc(100vw-16px))] min-w-44 animate-appear overflow-y-auto rounded-md border border-n5 bg-n0 p-1 shadow-md"
        >
          {entries.map((entry, index) => (
            // Entries of one menu keep their places while it is open.
            // oxlint-disable-next-line react/no-array-index-key
            <Entry key={index} entry={entry} />
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const ITEM =
  "flex min-h-8 items-center gap-2 rounded-sm px-2 outline-none select-none data-highlighted:bg-n2 max-md:min-h-10";

function Entry({ entry }: { entry: MenuEntry }) {
  switch (entry.kind) {
    case "line":
      return <DropdownMenu.Separator className="-mx-1 my-1 border-t border-n4" />;
    case "label":
      return (
        <DropdownMenu.Label className="truncate px-2 py-1 text-sm text-n8">{entry.text}</DropdownMenu.Label>
      );
    case "choice":
      return (
        <DropdownMenu.CheckboxItem
          checked={entry.isChosen}
          onCheckedChange={entry.onSelect}
          onSelect={(event) => (entry.stays === true ? event.preventDefault() : undefined)}
          className={ITEM}
        >
          <span className="w-4 text-accent">
            {entry.isChosen ? <Check size={14} aria-hidden="true" /> : null}
          </span>
          <span className="min-w-0 flex-1 truncate">{entry.text}</span>
          {entry.aside === undefined ? null : <span className="pl-4 text-n8">{entry.aside}</span>}
        </DropdownMenu.CheckboxItem>
      );
    case "item": {
      const { whyNot } = entry;
      return (
        <DropdownMenu.Item
          onSelect={(event) => (whyNot === undefined ? entry.onSelect() : event.preventDefault())}
          aria-disabled={whyNot === undefined ? undefined : true}
          className={clsx(
            ITEM,
            whyNot !== undefined && "py-1.5",
            entry.danger === true && whyNot === undefined && "text-bad",
          )}
        >
          {entry.icon}
          <span className={clsx("min-w-0", whyNot !== undefined && "text-n8")}>
            {entry.text}
            {whyNot === undefined ? null : <span className="block text-sm">{whyNot}</span>}
          </span>
        </DropdownMenu.Item>
      );
    }
  }
}
