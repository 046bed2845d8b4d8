import { LABELS_MAX } from "@flowplane/contract";

/** Labels as people edit them: one `key=value` a line. */
export function printLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join("\n");
}

export function parseLabels(text: string): { labels: Record<string, string> } | { problem: string } {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > LABELS_MAX) return { problem: `At most ${LABELS_MAX} labels.` };
  const labels: Record<string, string> = {};
  for (const line of lines) {
    const [, key, value] = /^\s*([A-Za-z0-9_./-]{1,63})\s*=(.{0,255})$/.exec(line) ?? [];
    if (key === undefined || value === undefined) {
      return { problem: `“${line.slice(0, 60)}” is not key=value; a key has letters, digits, _ . / and -.` };
    }
    if (key in labels) return { problem: `${key} is there twice.` };
    labels[key] = value.trim();
  }
  return { labels };
}
