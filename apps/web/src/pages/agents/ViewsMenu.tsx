import { useMutation } from "@tanstack/react-query";
import { Bookmark } from "lucide-react";
import { useState } from "react";
import { AGENT_VIEW_NAME_MAX, AGENT_VIEWS_MAX } from "@flowplane/contract";
import { problemText } from "../../api/problem.ts";
import type { AgentsSearch } from "../../search.ts";
import { say } from "../../ui/announce.ts";
import { Button } from "../../ui/Button.tsx";
import { Dialog, DialogActions } from "../../ui/Dialog.tsx";
import { TextField } from "../../ui/Field.tsx";
import { Menu, type MenuEntry } from "../../ui/Menu.tsx";
import { Problem } from "../../ui/Problem.tsx";
import type { SavedView } from "./savedViews.ts";
import { useSavedViews } from "./useSavedViews.ts";

const same = (one: AgentsSearch, other: AgentsSearch) => print(one) === print(other);
const print = ({ q, kind, state, site_id, sort, order }: AgentsSearch) =>
  JSON.stringify([q, kind, state, site_id, sort, order]);

/** Named filters: go to one, keep this one, give it another name, forget one. */
export function ViewsMenu({
  search,
  onChoose,
}: {
  search: AgentsSearch;
  onChoose: (view: AgentsSearch) => void;
}) {
  const { views, error, save, rename, restore, remove } = useSavedViews();
  const [naming, setNaming] = useState<SavedView | "new">();
  const { q, kind, state, site_id, sort, order } = search;
  const here: AgentsSearch = { q, kind, state, site_id, sort, order };
  const current = views.find((view) => same(view.search, here));
  const isFiltered = [q, kind, state, site_id].some((value) => value !== undefined);
  const forget = async (view: SavedView) => {
    try {
      await remove(view);
      say(`Forgot the view ${view.name}`, () => void restore(view).catch(sayWhy));
    } catch (failure) {
      sayWhy(failure);
    }
  };
  const entries: MenuEntry[] = [
    {
      kind: "label",
      text: error === null ? "Your views" : `Your views could not be read: ${problemText(error).sentence}`,
    },
    ...views.map((view): MenuEntry => ({
      kind: "choice",
      key: view.id,
      text: view.name,
      isChosen: current?.id === view.id,
      onSelect: () => onChoose(view.search),
    })),
    { kind: "line" },
    {
      kind: "item",
      text: "Save this filter…",
      whyNot: !isFiltered
        ? "Nothing is filtered yet."
        : views.length >= AGENT_VIEWS_MAX
          ? `You have ${AGENT_VIEWS_MAX} views already; forget one first.`
          : undefined,
      onSelect: () => setNaming("new"),
    },
    ...(current === undefined
      ? []
      : ([
          { kind: "item", text: `Rename “${current.name}”…`, onSelect: () => setNaming(current) },
          { kind: "item", text: `Forget “${current.name}”`, onSelect: () => void forget(current) },
        ] satisfies MenuEntry[])),
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
      {naming === undefined ? null : (
        <NameView
          view={naming === "new" ? undefined : naming}
          taken={views.filter((view) => view !== naming).map(({ name }) => name)}
          onSave={async (name) => {
            await (naming === "new" ? save({ name, search: here }) : rename(naming, name));
            say(naming === "new" ? `Saved the view ${name}` : `The view is called ${name} now`);
            setNaming(undefined);
          }}
          onClose={() => setNaming(undefined)}
        />
      )}
    </>
  );
}

function sayWhy(error: unknown): void {
  say(problemText(error).sentence);
}

function NameView({
  view,
  taken,
  onSave,
  onClose,
}: {
  /** The one to be renamed; absent for a new one. */
  view: SavedView | undefined;
  taken: readonly string[];
  onSave: (name: string) => Promise<void>;
  onClose: () => void;
}) {
  const [name, setName] = useState(view?.name ?? "");
  const saving = useMutation({ mutationFn: onSave });
  const isTaken = taken.includes(name.trim());
  const whyNot =
    name.trim() === ""
      ? "Give it a name first."
      : isTaken && view !== undefined
        ? "Another view has this name."
        : undefined;
  return (
    <Dialog
      title={view === undefined ? "Save this filter" : "Rename the view"}
      description={
        view === undefined
          ? "It is yours alone, on every browser you sign in with. To share it, pass on the page's address."
          : undefined
      }
      onClose={onClose}
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          if (whyNot === undefined) saving.mutate(name.trim());
        }}
      >
        <TextField
          label="Name"
          value={name}
          maxLength={AGENT_VIEW_NAME_MAX}
          autoComplete="off"
          hint={isTaken && view === undefined ? "There is a view of this name; it is replaced." : undefined}
          onChange={(event) => setName(event.target.value)}
        />
        {saving.error === null ? null : <Problem error={saving.error} />}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" whyNot={whyNot} busy={saving.isPending}>
            {view === undefined ? "Save" : "Rename"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
