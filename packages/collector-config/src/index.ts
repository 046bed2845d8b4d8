/** Configurations of OpenTelemetry Collectors: read with positions, checked, merged, compared, drawn. Pure: no IO, no clock, no chance. */
export { checkConfig, type Checked } from "./check.ts";
export { availableOf, lacking, lackSentence, type Available, type Lack } from "./components.ts";
export { differences, type Change } from "./difference.ts";
export { graphOf, type Graph, type GraphNode } from "./graph.ts";
export { mergeFragments, writeConfig, type Fragment } from "./merge.ts";
export { modelOf, type Kind, type Model, type Pipeline } from "./model.ts";
export { hasErrors, type Position, type Problem, type ProblemCode } from "./problem.ts";
export { readConfig, type Section, type Value } from "./read.ts";
export { findReferences, resolveReferences, type Reference } from "./references.ts";
