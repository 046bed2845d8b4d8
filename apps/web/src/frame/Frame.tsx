import { Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { connect } from "../live/live.ts";
import { paths } from "../paths.ts";
import { Announcer } from "./Announcer.tsx";
import { Bar } from "./Bar.tsx";
import { BottomBar } from "./BottomBar.tsx";
import { Dialogs } from "./Dialogs.tsx";
import { listenForKeys, useKeys } from "./keys.ts";
import { PLACES } from "./nav.ts";
import { Rail } from "./Rail.tsx";

const Palette = lazy(() => import("./Palette.tsx"));
const KeySheet = lazy(() => import("./KeySheet.tsx"));

/** Everything around a page. It stays mounted from page to page, and with it the live connection. */
export function Frame() {
  const navigate = useNavigate();
  const [open, setOpen] = useState<"nothing" | "palette" | "keys">("nothing");
  useEffect(connect, []);
  useEffect(listenForKeys, []);
  useKeys([
    { keys: "mod+k", does: "Go anywhere, do anything", run: () => setOpen("palette") },
    { keys: "?", does: "Show this sheet", run: () => setOpen("keys") },
    ...PLACES.map(({ name, keys, link }) => ({
      keys,
      does: `Go to ${name.toLowerCase()}`,
      run: () => void navigate(link),
    })),
    { keys: "c a", does: "Add an agent", run: () => void navigate(paths.addAgent()) },
    { keys: "c r", does: "Launch a run", run: () => void navigate(paths.launchRun()) },
    { keys: "c j", does: "New job", run: () => void navigate(paths.newJob()) },
    { keys: "c c", does: "New configuration", run: () => void navigate(paths.newConfiguration()) },
    { keys: "c o", does: "New rollout", run: () => void navigate(paths.newRollout()) },
  ]);
  return (
    <div className="flex h-dvh flex-col md:flex-row">
      <a
        href="#page"
        className="absolute -top-20 left-2 z-50 rounded-md bg-accent-fill px-3 py-2 text-on-fill focus:top-2"
      >
        Skip to the page
      </a>
      <Rail />
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <Bar onPalette={() => setOpen("palette")} onKeys={() => setOpen("keys")} />
        <main id="page" tabIndex={-1} className="min-h-0 flex-1 outline-none">
          <Outlet />
        </main>
      </div>
      <BottomBar />
      <Dialogs />
      <Suspense fallback={null}>
        {open === "palette" ? <Palette onClose={() => setOpen("nothing")} /> : null}
        {open === "keys" ? <KeySheet onClose={() => setOpen("nothing")} /> : null}
      </Suspense>
      <Announcer />
    </div>
  );
}
