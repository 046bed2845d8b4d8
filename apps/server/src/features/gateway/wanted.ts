import type { Desired } from "@flowplane/opamp";

/** What is offered to an agent; commands and custom messages have ways of their own. */
export type Wanted = Pick<
  Desired,
  "remoteConfig" | "retryRemoteConfig" | "connectionSettings" | "packages" | "retryPackages"
>;
