/** Configurations of OpenTelemetry Collectors: read with positions, checked, merged, compared, drawn. Pure: no IO, no clock, no chance. */
export { checkConfig, type Checked } from "./check.ts";
export { availableOf, lacking, lackSentence, type Available, type Lack } from "./components.ts";
export { drift } from "./drift.ts";
export { differences, type Change } from "./difference.ts";
export { graphOf, type Graph, type GraphNode } from "./graph.ts";
export { layOver, mergeFragments, writeConfig, type Fragment } from "./merge.ts";
export { modelOf, type Kind, type Model, type Pipeline } from "./model.ts";
export { hasErrors, type Position, type Problem, type ProblemCode } from "./problem.ts";
export { readConfig, type Section, type Value } from "./read.ts";
export { findReferences, type Reference } from "./references.ts";
export { BUILT_IN_VARIABLES, builtIn, isBuiltIn, type VariableAgent } from "./builtins.ts";
export { composeText, type Overlay } from "./compose.ts";
export { checkOverlaid, type CheckedOverlaid, type PlacedProblem } from "./overlaid.ts";
export { CONFIG_BYTES_MAX } from "./limits.ts";
export {
  holdForClient,
  holdLarge,
  holdOffer,
  holdText,
  nothingOfOurs,
  offerOf,
  type Held,
  type Offer,
  type OfferEntry,
} from "./offer.ts";
export { originsOf, type Origin } from "./origins.ts";
export { profileOf, SUPERVISOR_YAML, type Client, type Profile, type ProfileName } from "./profiles.ts";
export {
  compileTemplate,
  fillTemplate,
  type OurReference,
  type OurScheme,
  type Template,
} from "./template.ts";
