// Signs of life as runs write them. Pure.

/** One sign of life; `progress` when it says how far the run is, in whatever unit. */
export type Beat = { progress: number | null };

/** What was appended to a heartbeat file, newest last: a line each, empty or a number. Null when it holds none. */
export function parseAppended(text: string): Beat | null {
  const line = text.trimEnd().split("\n").at(-1)?.trim() ?? "";
  if (text === "") return null;
  const progress = line === "" ? Number.NaN : Number(line);
  return { progress: Number.isFinite(progress) ? progress : null };
}

/** One datagram of sd_notify(3). `isLife`: the watchdog is satisfied; `status`: what it says of itself, for comparing only. */
export function parseNotification(text: string): { isLife: boolean; status: string | null } {
  const fields = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) fields.set(line.slice(0, at), line.slice(at + 1));
  }
  return {
    isLife: fields.get("WATCHDOG") === "1" || fields.get("READY") === "1",
    status: fields.get("STATUS") ?? null,
  };
}
