/** What an agent was sent, as the dashboard shows it. */
import type { ConfigurationAttempt, DeliveryState } from "@flowplane/contract";
import type { Look } from "./states.ts";

export const DELIVERY_LOOK: Readonly<Record<DeliveryState, Look>> = {
  none: { word: "Nothing assigned", tone: "off" },
  waiting: { word: "Waiting", tone: "off" },
  offered: { word: "Offered", tone: "busy" },
  applying: { word: "Applying", tone: "busy" },
  in_sync: { word: "In sync", tone: "ok" },
  failed: { word: "Refused", tone: "bad" },
  held: { word: "Held back", tone: "attention" },
};

export const ATTEMPT_LOOK: Readonly<Record<ConfigurationAttempt["status"], Look>> = {
  waiting: { word: "Waiting", tone: "off" },
  offered: { word: "Offered", tone: "busy" },
  applying: { word: "Applying", tone: "busy" },
  applied: { word: "Applied", tone: "ok" },
  failed: { word: "Refused", tone: "bad" },
  rolled_itself_back: { word: "Rolled itself back", tone: "bad" },
};
