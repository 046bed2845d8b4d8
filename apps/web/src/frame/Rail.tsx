import { Link } from "@tanstack/react-router";
import { whyNot, useMe } from "../api/me.ts";
import { paths } from "../paths.ts";
import { Logo } from "./Logo.tsx";
import { RAIL_MAIN, RAIL_SETTINGS, type PLACES } from "./nav.ts";

export function Rail() {
  const { organization } = useMe();
  const visible = (place: (typeof PLACES)[number]) => whyNot(organization.role, place.needs) === undefined;
  return (
    <nav
      aria-label="Places"
      className="flex w-52 shrink-0 flex-col gap-0.5 border-r border-n4 bg-n1 p-2 max-lg:w-14 max-md:hidden"
    >
      <Link
        {...paths.overview()}
        className="mb-2 flex h-9 items-center gap-2 rounded-md px-2 font-semibold tracking-tight"
      >
        <Logo />
        <span className="max-lg:sr-only">Flowplane</span>
      </Link>
      {RAIL_MAIN.filter(visible).map((place) => (
        <RailLink key={place.name} place={place} />
      ))}
      <div className="mx-2 my-2 border-t border-n4" />
      {RAIL_SETTINGS.filter(visible).map((place) => (
        <RailLink key={place.name} place={place} />
      ))}
    </nav>
  );
}

function RailLink({ place }: { place: (typeof PLACES)[number] }) {
  return (
    <Link
      {...place.link}
      activeOptions={{ exact: place.link.to === "/", includeSearch: false }}
      title={`${place.name} (${place.keys})`}
      className="flex h-8 items-center gap-2.5 rounded-md px-2.5 text-n9 hover:bg-n2 hover:text-n10 aria-[current=page]:bg-n3 aria-[current=page]:font-medium aria-[current=page]:text-n10"
    >
      <place.icon size={16} aria-hidden="true" className="shrink-0" />
      <span className="max-lg:sr-only">{place.name}</span>
    </Link>
  );
}
