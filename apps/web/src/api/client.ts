import { createClient } from "@flowplane/contract";
import { stored } from "../lib/stored.ts";

/** The organization this tab works in, for people who belong to several; empty means the server's default. */
export const organization = stored<string>("organization", "", (text) => text);

function organizationHeader(): Record<string, string> {
  const id = organization.get();
  return id === "" ? {} : { "flowplane-organization": id };
}

/** How every call and stream of this page reaches the control plane: its own origin. */
export const connectionOptions = { origin: "", headers: organizationHeader } as const;
export const client = createClient(connectionOptions);
