import { Dialog } from "../ui/Dialog.tsx";
import { Kbd } from "../ui/Kbd.tsx";
import { useActiveKeys } from "./keys.ts";

export default function KeySheet({ onClose }: { onClose: () => void }) {
  const shortcuts = useActiveKeys();
  return (
    <Dialog title="Keyboard" onClose={onClose}>
      <ul
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls on a small screen, and nothing in it takes the focus
        tabIndex={0}
        aria-label="Shortcuts"
        className="grid grid-cols-1 gap-x-8 gap-y-1 md:grid-cols-2"
      >
        {[...shortcuts, { keys: "esc", does: "Close or leave" }].map(({ keys, does }) => (
          <li key={keys} className="flex h-7 items-center justify-between gap-3">
            <span className="truncate">{does}</span>
            <Kbd keys={keys} />
          </li>
        ))}
      </ul>
    </Dialog>
  );
}
