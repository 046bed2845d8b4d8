import { ChevronDown } from "lucide-react";
import { number } from "../lib/units.ts";
import { Menu } from "../ui/Menu.tsx";

interface FacetMenuProps {
  readonly name: string;
  readonly values: readonly { value: string; label: string; count?: number }[];
  readonly chosen: string | undefined;
  readonly onChoose: (value: string | undefined) => void;
}

/** One facet as a chip: closed it says what is chosen, open it lists the values with their counts. */
export function FacetMenu({ name, values, chosen, onChoose }: FacetMenuProps) {
  const label = values.find(({ value }) => value === chosen)?.label ?? chosen;
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          className={`flex h-8 max-w-56 min-w-0 items-center gap-1.5 rounded-md border px-2.5 max-md:h-9 ${
            chosen === undefined
              ? "border-n5 text-n9 hover:bg-n2"
              : "border-accent bg-accent-soft font-medium text-accent"
          }`}
        >
          <span className="truncate">
            {name}
            {chosen === undefined ? "" : `: ${label ?? ""}`}
          </span>
          <ChevronDown size={14} aria-hidden="true" className="shrink-0" />
        </button>
      }
      entries={
        values.length === 0
          ? [{ kind: "label", text: "No values" }]
          : values.map(({ value, label, count }) => ({
              kind: "choice",
              key: value,
              text: label,
              isChosen: value === chosen,
              onSelect: () => onChoose(value === chosen ? undefined : value),
              ...(count === undefined ? {} : { aside: number(count) }),
            }))
      }
    />
  );
}
