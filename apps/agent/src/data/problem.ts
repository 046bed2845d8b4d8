/**
 * Something the person who runs the agent can put right. The message is one sentence that says what is wrong and what to
 * do; the command prints it without a stack.
 */
export class AgentProblem extends Error {
  override readonly name = "AgentProblem";
}

/** What an errno means for a path of ours, as a sentence; null for errors that are no such thing. */
export function describeFileError(error: unknown, path: string): string | null {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
    case "EPERM":
      return `The agent may not write to ${path}; make that folder writable for this user or choose another data folder.`;
    case "EROFS":
      return `${path} is on a read-only file system; choose another data folder.`;
    case "ENOSPC":
    case "EDQUOT":
      return `There is no space left for ${path}; free some and start the agent again.`;
    case "ENOTDIR":
    case "EEXIST":
      return `A part of ${path} is a file where a folder is needed; choose another data folder.`;
    default:
      return null;
  }
}
