import { useRouterState } from "@tanstack/react-router";
import type { Me } from "@flowplane/contract";
import { Keyboard, LogOut, Monitor, Moon, Search, Sun, UserRound } from "lucide-react";
import { organization } from "../api/client.ts";
import { useMe } from "../api/me.ts";
import { signOut } from "../api/auth.ts";
import { setTheme, THEME_CHOICES, useTheme, type ThemeChoice } from "../theme/theme.ts";
import { IconButton } from "../ui/Button.tsx";
import { Kbd } from "../ui/Kbd.tsx";
import { Menu, type MenuEntry } from "../ui/Menu.tsx";
import { say } from "../ui/announce.ts";
import { Breadcrumb } from "./Breadcrumb.tsx";
import { LiveMark } from "./LiveMark.tsx";

export function Bar({ onPalette, onKeys }: { onPalette: () => void; onKeys: () => void }) {
  const loading = useRouterState({ select: (state) => state.status === "pending" });
  return (
    <header
      aria-busy={loading}
      className="flex h-11 shrink-0 items-center gap-1 border-b border-n4 pr-2 pl-6 max-md:h-12 max-md:pl-4"
    >
      <Breadcrumb />
      <div className="flex-1" />
      <LiveMark />
      <button
        type="button"
        onClick={onPalette}
        className="ml-2 flex h-7 items-center gap-2 rounded-md border border-n5 bg-n1 px-2 text-n8 hover:bg-n2 max-md:hidden"
      >
        <Search size={14} aria-hidden="true" />
        <span className="pr-6 max-lg:sr-only">Go to or do…</span>
        <Kbd keys="mod+k" />
      </button>
      <IconButton label="Go to or do…" onClick={onPalette} className="md:hidden">
        <Search size={18} />
      </IconButton>
      <PersonMenu onKeys={onKeys} />
    </header>
  );
}

const THEME_ICONS: Readonly<Record<ThemeChoice, typeof Sun>> = { system: Monitor, light: Sun, dark: Moon };

function PersonMenu({ onKeys }: { onKeys: () => void }) {
  const me = useMe();
  const theme = useTheme();
  const ThemeIcon = THEME_ICONS[theme];
  const nextTheme = THEME_CHOICES[(THEME_CHOICES.indexOf(theme) + 1) % THEME_CHOICES.length] ?? "system";
  return (
    <>
      <IconButton
        label={`Theme: ${theme}. Switch to ${nextTheme}`}
        onClick={() => setTheme(nextTheme)}
        className="max-md:hidden"
      >
        <ThemeIcon size={16} />
      </IconButton>
      <Menu
        trigger={
          <button
            type="button"
            aria-label={`You: ${me.actor.name}`}
            className="flex size-8 items-center justify-center rounded-md text-n9 hover:bg-n2 max-md:size-9"
          >
            <UserRound size={16} aria-hidden="true" />
          </button>
        }
        entries={[
          { kind: "label", text: `${me.email ?? me.actor.name} · ${me.organization.role}` },
          ...organizationEntries(me),
          { kind: "line" },
          { kind: "label", text: "Theme" },
          ...THEME_CHOICES.map((choice) => ({
            kind: "choice" as const,
            key: choice,
            text: THEME_WORD[choice],
            isChosen: choice === theme,
            onSelect: () => setTheme(choice),
          })),
          { kind: "line" },
          {
            kind: "item",
            text: "Keyboard shortcuts",
            icon: <Keyboard size={16} aria-hidden="true" />,
            onSelect: onKeys,
          },
          {
            kind: "item",
            text: "Sign out",
            icon: <LogOut size={16} aria-hidden="true" />,
            onSelect: () => void leave(),
          },
          { kind: "line" },
          { kind: "label", text: `Flowplane ${me.server.version}` },
        ]}
      />
    </>
  );
}

const THEME_WORD: Readonly<Record<ThemeChoice, string>> = {
  system: "As the system",
  light: "Light",
  dark: "Dark",
};

function organizationEntries(me: Me): MenuEntry[] {
  if (me.organizations.length < 2) return [];
  return me.organizations.map(({ id, name }) => ({
    kind: "choice",
    key: id,
    text: name,
    isChosen: id === me.organization.id,
    onSelect: () => {
      organization.set(id);
      // Nothing read for one organization may be shown in another.
      window.location.assign("/");
    },
  }));
}

async function leave(): Promise<void> {
  const problem = await signOut();
  if (problem === undefined) window.location.assign("/sign-in");
  else say(problem);
}
