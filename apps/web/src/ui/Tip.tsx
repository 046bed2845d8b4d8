import { cloneElement, useEffect, useId, useRef, useState, type ReactElement } from "react";
import { createPortal } from "react-dom";
import { Kbd } from "./Kbd.tsx";

const OPEN_AFTER_MS = 350;
const EDGE_PX = 8;

interface TipProps {
  readonly text: string;
  readonly shortcut?: string;
  readonly children: ReactElement<{ "aria-describedby"?: string }>;
}

/**
 * A few words beside a control, on hover and on keyboard focus; on a control that cannot be used also when it is
 * pressed, which is how a finger asks why. Its own few lines, because a positioning library would be a tenth of the page.
 */
export function Tip({ text, shortcut, children }: TipProps) {
  const id = useId();
  const host = useRef<HTMLSpanElement>(null);
  const timer = useRef<number>(undefined);
  const [at, setAt] = useState<DOMRect | undefined>(undefined);
  const open = () => setAt(host.current?.firstElementChild?.getBoundingClientRect());
  const close = () => {
    window.clearTimeout(timer.current);
    setAt(undefined);
  };
  useEffect(() => close, []);
  return (
    // The span has no box; it only listens for its one child.
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions
    <span
      ref={host}
      className="contents"
      onPointerEnter={(event) => {
        if (event.pointerType === "mouse") timer.current = window.setTimeout(open, OPEN_AFTER_MS);
      }}
      onPointerLeave={close}
      onPointerDown={close}
      onClick={(event) => (isOff(event.target) ? open() : undefined)}
      onFocus={(event) => (event.target.matches(":focus-visible") ? open() : undefined)}
      onBlur={close}
      onKeyDown={(event) => (event.key === "Escape" ? close() : undefined)}
    >
      {at === undefined ? children : cloneElement(children, { "aria-describedby": id })}
      {at === undefined
        ? null
        : createPortal(
            <div
              id={id}
              role="tooltip"
              ref={(element) => place(element, at)}
              className="pointer-events-none fixed z-60 flex max-w-72 animate-appear items-center gap-2 rounded-md border border-n5 bg-n0 px-2 py-1 text-sm text-n9 shadow-sm"
            >
              {text}
              {shortcut === undefined ? null : <Kbd keys={shortcut} />}
            </div>,
            host.current?.closest("[role=dialog]") ?? document.body,
          )}
    </span>
  );
}

function isOff(target: EventTarget): boolean {
  return target instanceof Element && target.closest("[aria-disabled=true]") !== null;
}

/** Under the control, above it where there is no room, and never outside the window. */
function place(element: HTMLElement | null, at: DOMRect): void {
  if (element === null) return;
  const { offsetWidth: width, offsetHeight: height } = element;
  // A dialog that is moved by a transform is what `fixed` counts from inside it.
  const frame = element.closest("[role=dialog]")?.getBoundingClientRect() ?? { left: 0, top: 0 };
  const left = Math.min(
    window.innerWidth - width - EDGE_PX,
    Math.max(EDGE_PX, at.left + at.width / 2 - width / 2),
  );
  const below = at.bottom + 6;
  const top = below + height > window.innerHeight - EDGE_PX ? at.top - height - 6 : below;
  element.style.left = `${left - frame.left}px`;
  element.style.top = `${top - frame.top}px`;
}
