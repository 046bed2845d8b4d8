/** The mock has no rollouts: its lists are empty, and none can be made. */
import type { rolloutApi } from "@flowplane/contract";
import { found, MockProblem, paged, type Handlers } from "./answer.ts";

const none = () => found<never>(undefined);

export const rollouts: Pick<Handlers, keyof typeof rolloutApi> = {
  rolloutPreview: none,
  rolloutCreate: () => {
    throw new MockProblem(503, "unavailable", "The mock makes no rollouts. Run a real control plane.");
  },
  rolloutList: (_, { query }) => paged([], query),
  rolloutRead: none,
  rolloutAgents: none,
  rolloutSquares: none,
  rolloutFailures: none,
  rolloutPause: none,
  rolloutResume: none,
  rolloutApprove: none,
  rolloutAbort: none,
  rolloutRollBack: none,
};
