export { runAgent } from "./agent.ts";
export type { RunAgentOptions } from "./agent.ts";
export { AgentProblem } from "./data/problem.ts";
export { enrol } from "./link/enrol.ts";
export type { Enrolled, EnrolOptions } from "./link/enrol.ts";
export { agentStatus } from "./status.ts";
export type { AgentStatus } from "./status.ts";
