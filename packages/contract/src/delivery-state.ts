import { z } from "zod";

/**
 * `none`: nothing is assigned. `waiting`: not offered yet. `offered`, `applying`: under way. `in_sync`: the agent said it
 * runs this. `failed`: it refused it. `held`: not sent, because that would do harm; the sentence says what to do.
 */
export const DELIVERY_STATES = [
  "none",
  "waiting",
  "offered",
  "applying",
  "in_sync",
  "failed",
  "held",
] as const;
export const DeliveryState = z.enum(DELIVERY_STATES);
export type DeliveryState = z.output<typeof DeliveryState>;
