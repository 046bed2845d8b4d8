import type { Role } from "@flowplane/contract";

export const ROLE_MEANS: Readonly<Record<Role, string>> = {
  owner: "Everything, the organization itself included.",
  admin: "Everything but the organization itself: members, tokens, audit log.",
  operator: "Launch and stop runs, approve and revoke agents, see the wire.",
  viewer: "See agents, runs and members; change nothing.",
  service: "For programs: launch runs and read.",
};
