/**
 * The mock API: one function for each endpoint of the contract, checked against it by the compiler. Special inputs reach
 * the error cases through the real pages: an agent filter of "!500" fails, a run named "!refuse" is refused.
 */
import type { Handlers } from "./answer.ts";
import { configurations } from "./configurations.ts";
import { delivery } from "./delivery.ts";
import { enrolment } from "./enrolment.ts";
import { fleet } from "./fleet.ts";
import { launches } from "./launches.ts";
import { organization } from "./organization.ts";
import { overview } from "./overview.ts";
import { packages } from "./packages.ts";
import { rollouts } from "./rollouts.ts";
import { supervision } from "./supervision.ts";
import { telemetry } from "./telemetry.ts";

export const handlers: Handlers = {
  ...configurations,
  ...delivery,
  ...enrolment,
  ...fleet,
  ...launches,
  ...organization,
  ...overview,
  ...packages,
  ...rollouts,
  ...supervision,
  ...telemetry,
};
