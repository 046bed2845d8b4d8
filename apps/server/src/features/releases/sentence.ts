import type { AgentPackages, PackageStatusName } from "@flowplane/contract";

/** What there is to tell of one package at one agent. */
export interface ToldPackage {
  readonly name: string;
  readonly wantedVersion: string | null;
  readonly hasVersion: string | null;
  /** As the agent names it. */
  readonly offeredVersion: string | null;
  readonly status: PackageStatusName | null;
  readonly percent: number | null;
  readonly error: string;
}

/** How it stands with a package at an agent, in the agent's own word where it has one. */
export function packageSentence(told: ToldPackage): string {
  const { name, wantedVersion, hasVersion, status, percent, error } = told;
  const offered =
    told.offeredVersion === null || told.offeredVersion === "" ? wantedVersion : told.offeredVersion;
  const keeps = hasVersion === null || hasVersion === offered ? "" : ` It has ${hasVersion} meanwhile.`;
  if (status === null)
    return wantedVersion === null
      ? `The agent has said nothing of ${name}.`
      : `${name} ${wantedVersion} is to be installed; the agent has said nothing of it yet.`;
  switch (status) {
    case "installed":
      if (wantedVersion === null) return `${hasVersion ?? name} is installed; nobody said that it is to be.`;
      return hasVersion === wantedVersion
        ? `${wantedVersion} is installed.`
        : `${hasVersion ?? "Another version"} is installed; ${wantedVersion} is to be, and is offered.`;
    case "install_pending":
      return `${offered ?? name} waits for the agent to begin.${keeps}`;
    case "downloading":
      return `${offered ?? name} is being downloaded${percent === null ? "" : `, ${Math.round(percent)} %`}.${keeps}`;
    case "installing":
      return `${offered ?? name} is being installed.${keeps}`;
    case "install_failed":
      return `Installing ${offered ?? name} failed${error === "" ? "" : `: ${error}`}.${keeps}`;
    case "unknown":
      return `The agent says something of ${name} that this version of the control plane does not know.`;
  }
}

/** How it stands with an agent's set as a whole. */
export function setSentence(
  state: AgentPackages["state"],
  { held, reports }: { held: string | null; reports: boolean },
): string {
  switch (state) {
    case "none":
      return "Nobody said what packages this agent is to have; it is offered none, and keeps what it has.";
    case "held":
      return held ?? "It cannot be offered.";
    case "waiting":
      return "The agent has not been offered this set yet; it is as soon as it is connected.";
    case "offered":
      return reports
        ? "The agent was offered the set and is at work on it."
        : "The agent was offered the set; it does not report what becomes of its packages.";
    case "installed":
      return "Everything is installed.";
    case "failed":
      return "A package could not be installed. Bring out a release that can be, or offer the set once more.";
  }
}
