import { useSyncExternalStore } from "react";

/** The same width as `--breakpoint-md` in styles.css. */
const narrow = window.matchMedia("(max-width: 719.98px)");

/** Whether the screen is narrow now, for what is decided once. */
export function isNarrow(): boolean {
  return narrow.matches;
}

export function useNarrow(): boolean {
  return useSyncExternalStore(
    (listener) => {
      narrow.addEventListener("change", listener);
      return () => narrow.removeEventListener("change", listener);
    },
    () => narrow.matches,
  );
}
