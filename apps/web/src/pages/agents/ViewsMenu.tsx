import { Bookmark } from "lucide-react";
import { useState } from "react";
import type { AgentsSearch } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Menu, type MenuEntry } from "../../ui/Menu.tsx";
import { VIEW_NAME_MAX, VIEWS_MAX } from "./savedViews.ts";
import { useSavedViews } from "./useSavedViews.ts";

const same = (one: AgentsSearch, other: AgentsSearch) => print(one) === print(other);
const print = ({ q, kind, state, site_id, sort, order }: AgentsSearch) =>
  JSON.stringify([q, kind, state, site_id, sort, order]);

/** Named filters: go to one, keep this one, forget one. */
export function ViewsMenu({
  search,
  onChoose,
}: {
  search: AgentsSearch;
  onChoose: (view: AgentsSearch) => void;
}) {
  const { views, save, remove } = useSavedViews();
  const [isNaming, setIsNaming] = useState(false);
  const { q, kind, state, site_id, sort, order } = search;
  const here: AgentsSearch = { q, kind, state, site_id, sort, order };
  const current = views.find((view) => same(view.search, here));
  const isFiltered = [q, kind, state, site_id].some((value) => value !== undefined);
  const entries: MenuEntry[] = [
    { kind: "label", text: "Views, kept in this browser for you alone" },
    ...views.map(({ name, search: view }): MenuEntry => ({
      kind: "choice",
      key: name,
      text: name,
      isChosen: current?.name === name,
      onSelect: () => onChoose(view),
    })),
    { kind: "line" },
    {
      kind: "item",
      text: "Save this filter…",
      whyNot: !isFiltered
        ? "Nothing is filtered yet."
        : views.length >= VIEWS_MAX
          ? `There are ${VIEWS_MAX} views already; forget one first.`
          : undefined,
      onSelect: () => setIsNaming(true),
    },
    ...(current === undefined
      ? []
      : [
          {
            kind: "item",
            text: `Forget “${current.name}”`,
            onSelect: () => {
              remove(current.name);
              say(`Forgot the view ${current.name}`, () => save(current));
            },
          } satisfies MenuEntry,
        ]),
  ];
  return (
    <>
      <Menu
        trigger={
          <Button icon={<Bookmark size={14} aria-hidden="true" />} className="max-w-48 max-md:h-10">
            <span className="truncate">{current?.name ?? "Views"}</span>
          </Button>
        }
        entries={entries}
      />
      {isNaming ? (
        <NameView
          taken={views.map(({ name }) => name)}
          onSave={(name) => {
            save({ name, search: here });
            say(`Saved the view ${name}`);
            setIsNaming(false);
          }}
          onClose={() => setIsNaming(false)}
        />
      ) : null}
    </>
  );
}

function NameView({
  taken,
  onSave,
  onClose,
}: {
  taken: readonly string[];
  onSave: (name: string) => void;
  onClose: () => void;
}) {
  const [name, setName] = useState("");
  const whyNot = name.trim() === "" ? "Give it a name first." : undefined;
  return (
    <Dialog
      title="Save this filter"
      description="It is kept in this browser, for you alone. To share it, pass on the page's address."
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined) onSave(name.trim());
        }}
      >
        <TextField
          label="Name"
          value={name}
          maxLength={VIEW_NAME_MAX}
          autoComplete="off"
          hint={taken.includes(name.trim()) ? "There is a view of this name; it is replaced." : undefined}
          onChange={(event) => setName(event.target.value)}
        />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" whyNot={whyNot}>
            Save
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
