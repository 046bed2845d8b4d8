import { useSuspenseQuery } from "@tanstack/react-query";
import { roleMay, type Me, type Permission } from "@flowplane/contract";
import { q } from "./query.ts";

export const meQuery = q("me", {});

export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}

/** Why the person may not do this, as a sentence for a disabled control; undefined when they may. */
export function useMayNot(permission: Permission): string | undefined {
  const { organization } = useMe();
  return whyNot(organization.role, permission);
}

export function whyNot(role: Me["organization"]["role"], permission: Permission): string | undefined {
  if (roleMay(role, permission)) return undefined;
  const able = (["operator", "admin", "owner"] as const).find((candidate) => roleMay(candidate, permission));
  return `Your role is ${role}. This takes ${able === "owner" ? "an owner" : `${able === "operator" ? "an operator" : "an admin"} or above`}.`;
}
