import { Columns3 } from "lucide-react";
import { useSyncExternalStore } from "react";
import { Button } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { AGENT_COLUMNS, columnsOf, isUsual, toggleColumn, USUAL_COLUMNS } from "./agentColumns.ts";
import { shownColumns } from "./shownColumns.ts";

/** Which columns the list has. On a narrow screen rows have none, and there is nothing to choose. */
export function ColumnsMenu() {
  const text = useSyncExternalStore(shownColumns.subscribe, shownColumns.get);
  const chosen = columnsOf(text);
  return (
    <Menu
      trigger={
        <Button icon={<Columns3 size={14} aria-hidden="true" />} className="max-md:hidden">
          Columns
        </Button>
      }
      entries={[
        { kind: "label", text: "Columns in this browser" },
        ...AGENT_COLUMNS.map((column) => ({
          kind: "choice" as const,
          key: column,
          text: column,
          isChosen: chosen.includes(column),
          stays: true,
          onSelect: () => shownColumns.set(toggleColumn(text, column)),
        })),
        { kind: "line" },
        {
          kind: "item",
          text: "The usual ones",
          whyNot: isUsual(text) ? "These are the usual ones." : undefined,
          onSelect: () => shownColumns.set(USUAL_COLUMNS.join()),
        },
      ]}
    />
  );
}
