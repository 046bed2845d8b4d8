import { hostname, userInfo } from "node:os";

/** The reason of an order for which nobody gave one: which command it was, whose, and where. */
export function reasonOf(command: string): string {
  return `\`flowplane ${command}\` by ${userInfo().username} on ${hostname()}`;
}
