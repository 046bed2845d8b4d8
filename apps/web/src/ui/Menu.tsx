import { clsx } from "clsx";
import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactElement, ReactNode } from "react";

export function Menu({
  trigger,
  children,
  align = "end",
}: {
  trigger: ReactElement;
  children: ReactNode;
  align?: "start" | "end";
}) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          sideOffset={4}
          collisionPadding={8}
          className="z-50 max-h-[70dvh] max-w-[min(360px,calc(100vw-16px))] min-w-44 animate-appear overflow-y-auto rounded-md border border-n5 bg-n0 p-1 shadow-md"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const ITEM =
  "flex h-8 items-center gap-2 rounded-sm px-2 outline-none select-none data-highlighted:bg-n2 max-md:h-10";

interface MenuItemProps {
  readonly onSelect: () => void;
  readonly icon?: ReactNode;
  readonly whyNot?: string | undefined;
  readonly danger?: boolean;
  readonly children: ReactNode;
}

export function MenuItem({ onSelect, icon, whyNot, danger = false, children }: MenuItemProps) {
  return (
    <DropdownMenu.Item
      onSelect={(event) => (whyNot === undefined ? onSelect() : event.preventDefault())}
      aria-disabled={whyNot === undefined ? undefined : true}
      className={clsx(
        ITEM,
        whyNot !== undefined && "h-auto! py-1.5",
        danger && whyNot === undefined && "text-bad",
      )}
    >
      {icon}
      <span className={clsx("min-w-0", whyNot !== undefined && "text-n8")}>
        {children}
        {whyNot === undefined ? null : <span className="block text-sm">{whyNot}</span>}
      </span>
    </DropdownMenu.Item>
  );
}

export function MenuChoice({
  chosen,
  onSelect,
  aside,
  children,
}: {
  chosen: boolean;
  onSelect: () => void;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <DropdownMenu.CheckboxItem checked={chosen} onCheckedChange={onSelect} className={ITEM}>
      <span className="w-4 text-accent">{chosen ? <Check size={14} aria-hidden="true" /> : null}</span>
      <span className="min-w-0 flex-1 truncate">{children}</span>
      {aside === undefined ? null : <span className="pl-4 text-n8">{aside}</span>}
    </DropdownMenu.CheckboxItem>
  );
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <DropdownMenu.Label className="truncate px-2 py-1 text-sm text-n8">{children}</DropdownMenu.Label>;
}

export function MenuLine() {
  return <DropdownMenu.Separator className="-mx-1 my-1 border-t border-n4" />;
}
