/**
 * Every colour of the dashboard, once, as OKLCH [lightness, chroma, hue] for both themes. `tokens.css` is printed from
 * this table by `node src/theme/print.ts`; tests hold the two together and hold every pairing below to WCAG AA.
 */
export type Oklch = readonly [lightness: number, chroma: number, hue: number];
export interface Token {
  readonly light: Oklch;
  readonly dark: Oklch;
}

const grey = (light: number, dark: number): Token => ({
  light: [light, light > 0.97 ? 0.002 : 0.008, 268],
  dark: [dark, 0.009, 268],
});
const ink = (light: Oklch, dark: Oklch): Token => ({ light, dark });

export const tokens = {
  // Neutral ramp: 0 page, 1 rail and panels, 2 hover, 3 selected, 4 and 5 borders, 6 and 7 control outlines, 8 quiet text, 9 text, 10 strong text.
  n0: grey(0.995, 0.175),
  n1: grey(0.978, 0.2),
  n2: grey(0.96, 0.232),
  n3: grey(0.935, 0.272),
  n4: grey(0.912, 0.29),
  n5: grey(0.865, 0.345),
  n6: grey(0.76, 0.43),
  n7: grey(0.62, 0.57),
  n8: grey(0.5, 0.7),
  n9: grey(0.37, 0.82),
  n10: grey(0.22, 0.95),

  accent: ink([0.5, 0.19, 272], [0.76, 0.115, 272]),
  "accent-fill": ink([0.52, 0.19, 272], [0.54, 0.175, 272]),
  "accent-hover": ink([0.46, 0.19, 272], [0.49, 0.175, 272]),
  "accent-soft": ink([0.95, 0.025, 272], [0.27, 0.055, 272]),
  "on-fill": ink([0.995, 0, 0], [0.995, 0, 0]),

  ok: ink([0.5, 0.12, 152], [0.78, 0.14, 154]),
  busy: ink([0.51, 0.13, 245], [0.77, 0.115, 238]),
  attention: ink([0.51, 0.11, 68], [0.82, 0.13, 82]),
  bad: ink([0.52, 0.19, 27], [0.74, 0.145, 24]),
  off: ink([0.5, 0.012, 268], [0.7, 0.012, 268]),
  "ok-soft": ink([0.955, 0.035, 152], [0.265, 0.045, 154]),
  "busy-soft": ink([0.955, 0.025, 240], [0.265, 0.045, 240]),
  "attention-soft": ink([0.962, 0.045, 85], [0.275, 0.045, 80]),
  "bad-soft": ink([0.96, 0.022, 25], [0.27, 0.055, 22]),
  "off-soft": ink([0.95, 0.004, 268], [0.27, 0.01, 268]),
  "bad-fill": ink([0.53, 0.195, 27], [0.52, 0.18, 27]),
  "bad-hover": ink([0.47, 0.185, 27], [0.47, 0.17, 27]),
  mark: ink([0.9, 0.13, 95], [0.42, 0.09, 90]),
  "mark-now": ink([0.83, 0.17, 80], [0.52, 0.115, 75]),

  // The sixteen colours a terminal names, each readable on n1.
  "ansi-0": ink([0.3, 0, 0], [0.66, 0, 0]),
  "ansi-1": ink([0.5, 0.18, 27], [0.73, 0.15, 24]),
  "ansi-2": ink([0.49, 0.13, 148], [0.77, 0.16, 150]),
  "ansi-3": ink([0.51, 0.11, 75], [0.82, 0.13, 88]),
  "ansi-4": ink([0.48, 0.18, 262], [0.73, 0.125, 258]),
  "ansi-5": ink([0.5, 0.19, 325], [0.75, 0.15, 322]),
  "ansi-6": ink([0.5, 0.09, 205], [0.8, 0.11, 205]),
  "ansi-7": ink([0.48, 0, 0], [0.83, 0, 0]),
  "ansi-8": ink([0.52, 0, 0], [0.7, 0, 0]),
  "ansi-9": ink([0.53, 0.21, 27], [0.77, 0.15, 22]),
  "ansi-10": ink([0.5, 0.15, 145], [0.84, 0.19, 148]),
  "ansi-11": ink([0.52, 0.12, 82], [0.88, 0.15, 95]),
  "ansi-12": ink([0.52, 0.2, 265], [0.79, 0.11, 258]),
  "ansi-13": ink([0.53, 0.21, 322], [0.81, 0.14, 322]),
  "ansi-14": ink([0.51, 0.1, 210], [0.87, 0.11, 200]),
  "ansi-15": ink([0.25, 0, 0], [0.97, 0, 0]),
} satisfies Record<string, Token>;

export type TokenName = keyof typeof tokens;

const SURFACES: readonly TokenName[] = ["n0", "n1", "n2"];
const STATES = ["ok", "busy", "attention", "bad", "off"] as const;
const ANSI = Array.from({ length: 16 }, (_, index) => `ansi-${index}` as TokenName);

/** Foreground, background and the ratio they must reach: 4.5 for text, 3 for outlines of controls (WCAG 1.4.3, 1.4.11). */
export const pairings: readonly (readonly [TokenName, TokenName, number])[] = [
  ...["n8", "n9", "n10", "accent", ...STATES].flatMap((text) =>
    [...SURFACES, "n3" as const].map((surface) => [text as TokenName, surface, 4.5] as const),
  ),
  ...STATES.map((state) => [state, `${state}-soft`, 4.5] as const),
  ...["n9", "n10", "accent"].map((text) => [text as TokenName, "accent-soft", 4.5] as const),
  ...["accent-fill", "accent-hover", "bad-fill", "bad-hover"].map(
    (fill) => ["on-fill", fill as TokenName, 4.5] as const,
  ),
  ...SURFACES.map((surface) => ["n7", surface, 3] as const),
  ...ANSI.map((colour) => [colour, "n1", 4.5] as const),
  ["n10", "mark", 4.5],
  ["n10", "mark-now", 4.5],
];

/** The style sheet of the table: variables for both themes, and their names for Tailwind. */
export function tokensCss(): string {
  const names = Object.keys(tokens) as TokenName[];
  const values = (theme: "light" | "dark") =>
    names.map((name) => `  --${name}: ${oklchCss(tokens[name][theme])};`).join("\n");
  return [
    "/* Printed from tokens.ts by `node src/theme/print.ts`. */",
    `:root {\n  color-scheme: light;\n${values("light")}\n}`,
    `:root[data-theme="dark"] {\n  color-scheme: dark;\n${values("dark")}\n}`,
    `@theme inline {\n  --color-*: initial;\n  --color-transparent: transparent;\n  --color-current: currentcolor;\n${names.map((name) => `  --color-${name}: var(--${name});`).join("\n")}\n}`,
  ]
    .join("\n\n")
    .concat("\n");
}

function oklchCss([lightness, chroma, hue]: Oklch): string {
  return `oklch(${lightness} ${chroma} ${hue})`;
}
