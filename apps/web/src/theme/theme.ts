import { useSyncExternalStore } from "react";
import { stored } from "../lib/stored.ts";

export type ThemeChoice = "system" | "light" | "dark";
export const THEME_CHOICES: readonly ThemeChoice[] = ["system", "light", "dark"];

const choice = stored<ThemeChoice>("theme", "system", (text) =>
  THEME_CHOICES.find((theme) => theme === text),
);
const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

export function setTheme(theme: ThemeChoice): void {
  choice.set(theme);
}

export function useTheme(): ThemeChoice {
  return useSyncExternalStore(choice.subscribe, choice.get);
}

/** Puts the theme on the document now and keeps it there as the choice or the system changes. */
export function followTheme(): void {
  const apply = () => {
    const theme = choice.get();
    document.documentElement.dataset.theme =
      theme === "system" ? (systemIsDark.matches ? "dark" : "light") : theme;
  };
  apply();
  choice.subscribe(apply);
  systemIsDark.addEventListener("change", apply);
}
