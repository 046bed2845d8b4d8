/** Roles of a person or token in an organization, strongest first. `service` is for programs that only launch and read. */
export const ROLES = ["owner", "admin", "operator", "viewer", "service"] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = [
  "organization:read",
  "organization:write",
  "site:write",
  "agent:read",
  "agent:write",
  "agent:wire",
  "token:read",
  "token:write",
  "run:read",
  "run:write",
  "policy:write",
  "secret:write",
  "configuration:write",
  "rollout:write",
  "package:write",
  "member:read",
  "member:write",
  "api_token:write",
  "audit:read",
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const READ: readonly Permission[] = ["organization:read", "agent:read", "run:read", "member:read"];
const OPERATE: readonly Permission[] = [
  ...READ,
  "run:write",
  "agent:write",
  "agent:wire",
  "configuration:write",
  "rollout:write",
  "token:read",
];
const ADMINISTER: readonly Permission[] = [
  ...OPERATE,
  "site:write",
  "policy:write",
  "secret:write",
  "package:write",
  "token:write",
  "member:write",
  "api_token:write",
  "audit:read",
];

/** The one table of who may do what. The dashboard reads it too, to disable a button and say why. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  owner: [...ADMINISTER, "organization:write"],
  admin: ADMINISTER,
  operator: OPERATE,
  viewer: READ,
  service: ["organization:read", "agent:read", "run:read", "run:write"],
};

export function roleMay(role: Role, permission: Permission): boolean {
  return ROLE_PERMISSIONS[role].includes(permission);
}
