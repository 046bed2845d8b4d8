import { useEffect, useRef } from "react";

/** The box that chooses a row, or all rows. With shift it chooses up to here. */
export function RowBox({
  label,
  checked,
  isPartly = false,
  onToggle,
}: {
  label: string;
  checked: boolean;
  isPartly?: boolean;
  onToggle: (isRange: boolean) => void;
}) {
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (box.current !== null) box.current.indeterminate = isPartly;
  }, [isPartly]);
  return (
    // The whole square is the target, not the small box in it.
    <label className="relative z-10 flex size-8 shrink-0 items-center justify-center max-md:size-11">
      <span className="sr-only">{label}</span>
      <input
        ref={box}
        type="checkbox"
        checked={checked}
        onChange={(event) => {
          const { nativeEvent } = event;
          onToggle(nativeEvent instanceof MouseEvent && nativeEvent.shiftKey);
        }}
        className="accent-accent"
      />
    </label>
  );
}
