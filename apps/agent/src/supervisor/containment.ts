/** What holds a run besides its session. Paths and names are kept for the agent that adopts it. */
export type Containment = {
  /** Its cgroup's folder; null where there is none. */
  cgroup: string | null;
  /** Limits the kernel keeps, by their names in the run's specification. */
  enforced: string[];
};
