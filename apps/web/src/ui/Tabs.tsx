import { Link, type LinkProps } from "@tanstack/react-router";

/** Tabs are places: each is a link with its own address. */
export function Tabs({
  label,
  tabs,
}: {
  label: string;
  tabs: readonly { name: string; link: LinkProps; exact?: boolean }[];
}) {
  return (
    <nav aria-label={label} className="flex flex-wrap gap-x-1 border-b border-n4 px-4 max-md:px-2">
      {tabs.map(({ name, link, exact }) => (
        <Link
          key={name}
          {...link}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          className="-mb-px border-b-2 border-transparent px-2 py-2 text-n9 hover:text-n10 aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-n10 max-md:py-2.5"
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}

/** What a tab shows, scrolling by itself. */
export function TabPage({ wide = false, children }: { wide?: boolean; children: React.ReactNode }) {
  return (
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, even where nothing in it takes the focus
    <div tabIndex={0} className="h-full overflow-y-auto focus-visible:-outline-offset-2">
      <div
        className={`flex flex-col gap-7 px-6 py-5 max-md:px-4 ${wide ? "max-w-[1680px]" : "max-w-[1180px]"}`}
      >
        {children}
      </div>
    </div>
  );
}
