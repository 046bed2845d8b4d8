import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { ConnectionSettingsOffersSchema, type ConnectionSettingsOffers } from "@flowplane/opamp";

/**
 * One offer of what several parts of the control plane want of an agent's connections. Of a class that two give, the first
 * decides. The hash is of all their hashes: it differs whenever one does.
 */
export function joined(offers: readonly ConnectionSettingsOffers[]): ConnectionSettingsOffers {
  const hash = createHash("sha256");
  for (const offer of offers) hash.update(`${offer.hash.byteLength} `).update(offer.hash);
  const first = <Key extends "opamp" | "ownMetrics" | "ownLogs" | "ownTraces">(key: Key) => {
    const value = offers.find((offer) => offer[key] !== undefined)?.[key];
    return value === undefined ? {} : { [key]: value };
  };
  return create(ConnectionSettingsOffersSchema, {
    hash: hash.digest(),
    ...first("opamp"),
    ...first("ownMetrics"),
    ...first("ownLogs"),
    ...first("ownTraces"),
    otherConnections: Object.assign(
      {},
      ...offers.toReversed().map(({ otherConnections }) => otherConnections),
    ),
  });
}
