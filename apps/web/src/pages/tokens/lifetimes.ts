const HOUR_S = 3_600;
const DAY_S = 86_400;

/** How long a secret may be chosen to live, in seconds. */
export const LIFETIMES = [
  { word: "15 minutes", seconds: 900 },
  { word: "1 hour", seconds: HOUR_S },
  { word: "24 hours", seconds: DAY_S },
  { word: "7 days", seconds: 7 * DAY_S },
  { word: "30 days", seconds: 30 * DAY_S },
  { word: "90 days", seconds: 90 * DAY_S },
  { word: "1 year", seconds: 365 * DAY_S },
] as const;
