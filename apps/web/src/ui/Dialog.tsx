import { X } from "lucide-react";
import { Dialog as Radix } from "radix-ui";
import type { ReactNode } from "react";
import { IconButton } from "./Button.tsx";

interface DialogProps {
  readonly title: string;
  readonly description?: ReactNode;
  readonly wide?: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, description, wide = false, onClose, children }: DialogProps) {
  return (
    <Radix.Root open onOpenChange={(open) => (open ? undefined : onClose())}>
      <Radix.Portal>
        <Radix.Overlay className="fixed inset-0 z-40 animate-appear bg-[oklch(0_0_0/0.45)]" />
        <Radix.Content
          onOpenAutoFocus={focusFirstField}
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          className={`fixed z-40 flex max-h-[min(88dvh,760px)] animate-appear flex-col overflow-hidden rounded-lg border border-n5 bg-n0 shadow-xl outline-none max-md:inset-x-0 max-md:bottom-0 max-md:max-h-[92dvh] max-md:rounded-b-none md:top-[9vh] md:left-1/2 md:w-full md:-translate-x-1/2 ${wide ? "md:max-w-[680px]" : "md:max-w-[480px]"}`}
        >
          <header className="flex items-center gap-2 border-b border-n4 py-2 pr-2 pl-4">
            <Radix.Title className="flex-1 text-lg font-semibold">{title}</Radix.Title>
            <Radix.Close asChild>
              <IconButton label="Close" shortcut="esc">
                <X size={16} />
              </IconButton>
            </Radix.Close>
          </header>
          <div className="flex min-h-0 flex-col gap-4 overflow-y-auto p-4">
            {description === undefined ? null : (
              <Radix.Description className="text-n9">{description}</Radix.Description>
            )}
            {children}
          </div>
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

/** Where typing begins; without a field the dialog itself, so that no button is pressed by accident. */
function focusFirstField(event: Event): void {
  if (!(event.currentTarget instanceof HTMLElement)) return;
  event.preventDefault();
  const field = event.currentTarget.querySelector<HTMLElement>("input, textarea, [autofocus]");
  (field ?? event.currentTarget).focus();
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap items-center justify-end gap-2 pt-1">{children}</div>;
}
