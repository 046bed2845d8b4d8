import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { Ellipsis } from "lucide-react";
import { useMe, whyNot } from "../api/me.ts";
import { Menu } from "../ui/Menu.tsx";
import { PLACES } from "./nav.ts";

const ITEM =
  "flex h-14 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-n9 aria-[current=page]:text-accent aria-[current=page]:font-medium";
const FIRST = PLACES.slice(0, 4);
const REST = PLACES.slice(4);

/** The rail of a narrow screen: four places and the rest behind one. */
export function BottomBar() {
  const navigate = useNavigate();
  const { organization } = useMe();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const rest = REST.filter((place) => whyNot(organization.role, place.needs) === undefined);
  const restIsCurrent = rest.some((place) => path.startsWith(place.link.to));
  return (
    <nav
      aria-label="Places"
      className="flex shrink-0 border-t border-n4 bg-n1 pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      {FIRST.filter((place) => whyNot(organization.role, place.needs) === undefined).map((place) => (
        <Link
          key={place.name}
          {...place.link}
          activeOptions={{ exact: place.link.to === "/", includeSearch: false }}
          className={ITEM}
        >
          <place.icon size={18} aria-hidden="true" />
          {place.name}
        </Link>
      ))}
      {rest.length === 0 ? null : (
        <Menu
          trigger={
            <button type="button" className={ITEM} aria-current={restIsCurrent ? "page" : undefined}>
              <Ellipsis size={18} aria-hidden="true" />
              More
            </button>
          }
          entries={rest.map((place) => ({
            kind: "item",
            text: place.name,
            icon: <place.icon size={16} aria-hidden="true" />,
            onSelect: () => void navigate(place.link),
          }))}
        />
      )}
    </nav>
  );
}
