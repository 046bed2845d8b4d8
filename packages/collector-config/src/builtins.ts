/** What every configuration can ask of the agent it is composed for; `label.KEY` besides. */
export const BUILT_IN_VARIABLES = [
  "agent.name",
  "agent.id",
  "agent.hostname",
  "agent.os",
  "agent.version",
  "site",
] as const;

/** The agent as variables see it; what is not known of it is null. */
export interface VariableAgent {
  readonly id: string;
  readonly name: string;
  readonly hostname: string | null;
  readonly os: string | null;
  readonly version: string | null;
  /** The site's name. */
  readonly site: string;
  readonly labels: Readonly<Record<string, string>>;
}

const LABEL = /^label\.([A-Za-z0-9_./-]{1,63})$/;

/** Whether a name of `${var:NAME}` is answered by the agent itself. */
export function isBuiltIn(name: string): boolean {
  return (BUILT_IN_VARIABLES as readonly string[]).includes(name) || LABEL.test(name);
}

/** Its value for an agent; undefined when the agent has none, or when it is no built-in name. */
export function builtIn(name: string, agent: VariableAgent): string | undefined {
  switch (name) {
    case "agent.name":
      return agent.name;
    case "agent.id":
      return agent.id;
    case "agent.hostname":
      return agent.hostname ?? undefined;
    case "agent.os":
      return agent.os ?? undefined;
    case "agent.version":
      return agent.version ?? undefined;
    case "site":
      return agent.site;
    default: {
      const key = LABEL.exec(name)?.[1];
      return key !== undefined && Object.hasOwn(agent.labels, key) ? agent.labels[key] : undefined;
    }
  }
}
