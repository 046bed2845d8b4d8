import type { AgentPackages, PackageStatusName } from "@flowplane/contract";
import type { Look } from "./states.ts";

/** How a package's status at an agent looks. */
export const PACKAGE_LOOK: Readonly<Record<PackageStatusName, Look>> = {
  installed: { tone: "ok", word: "Installed" },
  install_pending: { tone: "busy", word: "Pending" },
  installing: { tone: "busy", word: "Installing" },
  install_failed: { tone: "bad", word: "Failed" },
  downloading: { tone: "busy", word: "Downloading" },
  unknown: { tone: "off", word: "Unknown" },
};

/** How an agent's set as a whole looks. */
export const PACKAGE_SET_LOOK: Readonly<Record<AgentPackages["state"], Look>> = {
  none: { tone: "off", word: "Nothing said" },
  held: { tone: "attention", word: "Held" },
  waiting: { tone: "busy", word: "Waiting" },
  offered: { tone: "busy", word: "Offered" },
  installed: { tone: "ok", word: "Installed" },
  failed: { tone: "bad", word: "Failed" },
};

/** Why the set of an agent cannot be offered once more. */
export function cannotRetryPackages({ state }: Pick<AgentPackages, "state">): string | undefined {
  if (state === "none") return "Nobody said what packages it is to have.";
  return state === "held" ? "Its set is held; see why." : undefined;
}
