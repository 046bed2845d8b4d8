import { createClient } from "@flowplane/contract";
import { stored } from "../lib/stored.ts";

/** The organization this tab works in, for people who belong to several; empty means the server's default. */
export const organization = stored<string>("organization", "", (text) => text);

export function organizationHeader(): Record<string, string> {
  const id = organization.get();
  return id === "" ? {} : { "flowplane-organization": id };
}

export const client = createClient({ origin: "", headers: organizationHeader });
