import {
  Activity,
  CalendarClock,
  FileCog,
  KeyRound,
  LayoutDashboard,
  Package,
  Rocket,
  ScrollText,
  Server,
  Settings,
  ShieldCheck,
  TriangleAlert,
  Users,
  type LucideIcon,
} from "lucide-react";
import type { Permission } from "@flowplane/contract";
import { paths } from "../paths.ts";

/** The places of the rail, in its order; `keys` jumps there. */
export const PLACES = [
  {
    name: "Overview",
    icon: LayoutDashboard,
    link: paths.overview(),
    keys: "g h",
    needs: "organization:read",
  },
  { name: "Agents", icon: Server, link: paths.agents(), keys: "g a", needs: "agent:read" },
  { name: "Runs", icon: Activity, link: paths.runs(), keys: "g r", needs: "run:read" },
  { name: "Incidents", icon: TriangleAlert, link: paths.incidents(), keys: "g i", needs: "run:read" },
  {
    name: "Configurations",
    icon: FileCog,
    link: paths.configurations(),
    keys: "g c",
    needs: "agent:read",
  },
  { name: "Rollouts", icon: Rocket, link: paths.rollouts(), keys: "g o", needs: "agent:read" },
  { name: "Packages", icon: Package, link: paths.packages(), keys: "g k", needs: "agent:read" },
  { name: "Jobs", icon: CalendarClock, link: paths.jobs(), keys: "g j", needs: "run:read" },
  { name: "Policies", icon: ShieldCheck, link: paths.policies(), keys: "g p", needs: "run:read" },
  { name: "Tokens", icon: KeyRound, link: paths.tokens(), keys: "g t", needs: "token:read" },
  { name: "Members", icon: Users, link: paths.members(), keys: "g m", needs: "member:read" },
  { name: "Settings", icon: Settings, link: paths.secrets(), keys: "g s", needs: "run:read" },
  { name: "Audit log", icon: ScrollText, link: paths.audit(), keys: "g l", needs: "audit:read" },
] as const satisfies readonly {
  name: string;
  icon: LucideIcon;
  link: object;
  keys: string;
  needs: Permission;
}[];

export const RAIL_MAIN = PLACES.slice(0, 9);
export const RAIL_SETTINGS = PLACES.slice(9);
