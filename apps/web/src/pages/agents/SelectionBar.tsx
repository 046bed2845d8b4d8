import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { X } from "lucide-react";
import { useState } from "react";
import type { ListedAgent } from "@flowplane/contract";
import { useMayNot } from "../../api/me.ts";
import { q } from "../../api/query.ts";
import { useKeys } from "../../frame/keys.ts";
import { counted } from "../../lib/units.ts";
import type { ListSelection } from "../../list/useSelection.ts";
import { paths } from "../../paths.ts";
import { Button, IconButton } from "../../ui/Button.tsx";
import { Menu } from "../../ui/Menu.tsx";
import { BulkActionDialog, type BulkAction } from "./BulkActions.tsx";
import { BULK_AGENTS_MAX, TOO_MANY, type AgentFilterSearch } from "./chosenAgents.ts";
import { selectorOfAgents, selectorOfFilter } from "./toSelector.ts";

const SITES_MAX = 200;

/** What is chosen, and what can be done with it; there while something is. */
export function SelectionBar({
  selection,
  filter,
  total,
}: {
  selection: ListSelection<ListedAgent>;
  filter: AgentFilterSearch;
  total: number | null;
}) {
  const navigate = useNavigate();
  const [action, setAction] = useState<BulkAction>();
  const mayNot = useMayNot("agent:write");
  const mayNotRollOut = useMayNot("rollout:write");
  const sites = useQuery(q("siteList", { query: { limit: SITES_MAX } })).data?.items;
  useKeys([{ keys: "Escape", does: "Let the selection go", run: selection.clear }]);
  const { value, count } = selection;
  const isWhole = value.kind === "all" && value.without.size === 0;
  const selector =
    value.kind === "rows"
      ? selectorOfAgents([...value.rows.values()])
      : selectorOfFilter(filter, (id) => sites?.find((site) => site.id === id)?.name, [
          ...value.without.values(),
        ]);
  const whyNot = mayNot ?? (count !== null && count > BULK_AGENTS_MAX ? TOO_MANY : undefined);
  return (
    <div
      role="toolbar"
      aria-label="Chosen agents"
      className="flex flex-wrap items-center gap-2 border-y border-n4 bg-accent-soft px-6 py-1.5 max-md:px-4"
    >
      <p role="status" className="font-medium">
        {count === null
          ? "All that match"
          : isWhole
            ? `All ${counted(count, "agent")} that match`
            : `${counted(count, "agent")} chosen`}
      </p>
      {value.kind === "rows" && total !== null && total > value.rows.size ? (
        <Button look="quiet" onClick={selection.chooseAll}>
          Choose all {counted(total, "agent")} that match
        </Button>
      ) : null}
      <div className="flex flex-wrap items-center gap-2 md:ml-auto">
        <Button
          whyNot={mayNotRollOut ?? ("problem" in selector ? selector.problem : undefined)}
          onClick={() =>
            "selector" in selector
              ? void navigate(paths.newRollout({ selector: selector.selector }))
              : undefined
          }
        >
          Roll out to these
        </Button>
        <Button whyNot={whyNot} onClick={() => setAction("label")}>
          Add label
        </Button>
        <Menu
          trigger={<Button>More</Button>}
          entries={[
            { kind: "item", text: "Remove a label", whyNot, onSelect: () => setAction("unlabel") },
            { kind: "item", text: "Restart", whyNot, onSelect: () => setAction("restart") },
            { kind: "line" },
            { kind: "item", text: "Revoke", danger: true, whyNot, onSelect: () => setAction("revoke") },
          ]}
        />
        <IconButton label="Let the selection go" shortcut="esc" onClick={selection.clear}>
          <X size={16} />
        </IconButton>
      </div>
      {action === undefined ? null : (
        <BulkActionDialog
          action={action}
          selection={value}
          filter={filter}
          onClose={() => setAction(undefined)}
        />
      )}
    </div>
  );
}
