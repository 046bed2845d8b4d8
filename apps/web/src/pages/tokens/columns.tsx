import type { Column } from "../../list/DataList.tsx";
import { StateMark } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";
import { lookOfSecret } from "./lookOfSecret.ts";

interface Secret {
  readonly revoked_at: string | null;
  readonly expires_at: string | null;
  readonly last_used_at: string | null;
}

export const STATE: Column<Secret> = {
  name: "State",
  width: "minmax(90px, 1fr)",
  cell: (secret) => <StateMark {...lookOfSecret(secret)} />,
};
export const LAST_USED: Column<Secret> = {
  name: "Last used",
  width: "minmax(84px, 1fr)",
  cell: ({ last_used_at }) => <Time at={last_used_at} className="text-n9" />,
};
export const EXPIRES: Column<Secret> = {
  name: "Expires",
  width: "minmax(84px, 1fr)",
  cell: ({ expires_at }) => <Time at={expires_at} className="text-n9" />,
};

/** `width` as in `Column`. */
export function madeBy(width: string): Column<{ readonly created_by: { readonly name: string } }> {
  return {
    name: "Made by",
    width,
    cell: ({ created_by }) => <span className="text-n9">{created_by.name}</span>,
  };
}
