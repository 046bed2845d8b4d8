import { useSyncExternalStore } from "react";

/** The theme that is on the page now, for what draws by itself and has to draw again when it changes. */
export function useThemeOnPage(): string {
  return useSyncExternalStore(subscribe, () => document.documentElement.dataset.theme ?? "light");
}

function subscribe(listener: () => void): () => void {
  const observer = new MutationObserver(listener);
  observer.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  return () => observer.disconnect();
}
