import { clsx } from "clsx";
import type { ComponentProps, ReactNode } from "react";
import { Tip } from "./Tip.tsx";

const BASE =
  "inline-flex h-8 shrink-0 items-center justify-center gap-1.5 rounded-md px-2.5 font-medium whitespace-nowrap select-none transition-colors aria-disabled:cursor-not-allowed max-md:h-9";
export const BUTTON_LOOK = {
  primary: "bg-accent-fill text-on-fill hover:bg-accent-hover",
  danger: "bg-bad-fill text-on-fill hover:bg-bad-hover",
  plain: "border border-n5 bg-n0 text-n10 hover:bg-n2",
  quiet: "text-n9 hover:bg-n2 hover:text-n10",
} as const;
const OFF = "border border-n4 bg-n1 text-n8";

export function buttonClass(look: keyof typeof BUTTON_LOOK, extra?: string): string {
  return clsx(BASE, BUTTON_LOOK[look], extra);
}

export interface ButtonProps extends Omit<ComponentProps<"button">, "disabled"> {
  readonly look?: keyof typeof BUTTON_LOOK;
  /** Why the button cannot be used now. It stays focusable, so that the reason can be read by everyone. */
  readonly whyNot?: string | undefined;
  readonly busy?: boolean;
  readonly icon?: ReactNode;
}

export function Button({
  look = "plain",
  whyNot,
  busy = false,
  icon,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  const off = whyNot !== undefined || busy;
  const button = (
    <button
      type="button"
      {...rest}
      aria-disabled={off || undefined}
      aria-busy={busy || undefined}
      className={clsx(BASE, whyNot === undefined ? BUTTON_LOOK[look] : OFF, busy && "opacity-70", className)}
      onClick={off ? (event) => event.preventDefault() : onClick}
    >
      {icon}
      {children}
    </button>
  );
  return whyNot === undefined ? button : <Tip text={whyNot}>{button}</Tip>;
}

export interface IconButtonProps extends Omit<ButtonProps, "icon" | "children"> {
  readonly label: string;
  readonly children: ReactNode;
  readonly shortcut?: string;
}

/** A button that shows only an icon; its label is its name and its tooltip. */
export function IconButton({
  label,
  shortcut,
  look = "quiet",
  className,
  children,
  whyNot,
  ...rest
}: IconButtonProps) {
  return (
    <Tip text={whyNot ?? label} {...(shortcut === undefined ? {} : { shortcut })}>
      <button
        type="button"
        aria-label={label}
        aria-disabled={whyNot === undefined ? undefined : true}
        {...rest}
        className={clsx(
          "inline-flex size-8 shrink-0 items-center justify-center rounded-md aria-disabled:cursor-not-allowed max-md:size-9",
          whyNot === undefined ? BUTTON_LOOK[look] : "text-n6",
          "aria-pressed:bg-accent-soft aria-pressed:text-accent",
          className,
        )}
      >
        {children}
      </button>
    </Tip>
  );
}
