import { stored } from "../../lib/stored.ts";
import { USUAL_COLUMNS } from "./agentColumns.ts";

/** The columns each person chose for their browser, like the curves of a run. */
export const shownColumns = stored<string>("agents.columns", USUAL_COLUMNS.join(), (text) =>
  text === "" ? undefined : text,
);
