/** Which columns the list of agents has, as names with commas between: pure. */

/** Those one may leave out, in the order they stand in; the name is always there. */
export const AGENT_COLUMNS = [
  "State",
  "Kind",
  "Site",
  "Host",
  "OS",
  "Version",
  "Configuration",
  "Labels",
  "Last seen",
] as const;
export type AgentColumn = (typeof AGENT_COLUMNS)[number];

export const USUAL_COLUMNS: readonly AgentColumn[] = [
  "State",
  "Kind",
  "Host",
  "Version",
  "Configuration",
  "Labels",
  "Last seen",
];
const NONE = "none";

/** What was kept, without the columns that are no more. */
export function columnsOf(text: string): AgentColumn[] {
  const names = text.split(",");
  return AGENT_COLUMNS.filter((column) => names.includes(column));
}

/** The choice with one column more or less; "none" when the name is left alone. */
export function toggleColumn(text: string, column: AgentColumn): string {
  const chosen = columnsOf(text);
  const next = AGENT_COLUMNS.filter((one) => (one === column) !== chosen.includes(one));
  return next.length === 0 ? NONE : next.join();
}

export function isUsual(text: string): boolean {
  return columnsOf(text).join() === USUAL_COLUMNS.join();
}
