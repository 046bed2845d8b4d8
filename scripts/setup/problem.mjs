// Turns what can go wrong on somebody's machine into one sentence that says what to do.
import os from "node:os";

/** Something the person at the keyboard can mend. `detail` is shown above the sentence. */
export class Problem extends Error {
  /**
   * @param {string} sentence
   * @param {{ detail?: string, cause?: unknown }} [more]
   */
  constructor(sentence, more = {}) {
    super(sentence, { cause: more.cause });
    this.name = "Problem";
    this.detail = more.detail ?? "";
  }
}

/**
 * The sentence for a file-system or network failure, recognised by its error code or by the text a
 * tool printed; undefined when it is neither.
 * @param {string} text an error's code and message, or a tool's output
 * @param {string} folder what was being written
 * @returns {string | undefined}
 */
export function knownProblem(text, folder) {
  // Tools break long messages into lines.
  return sentenceFor(text.replaceAll(/\s+/g, " "), folder);
}

/**
 * @param {string} text
 * @param {string} folder
 */
function sentenceFor(text, folder) {
  if (/\bENOSPC\b|\bEDQUOT\b|no space left on device|disk quota exceeded/i.test(text)) {
    return `The disk that holds ${folder} is full: free at least 1 GB and start again.`;
  }
  if (/\bEROFS\b|read-only file system/i.test(text)) {
    return `${folder} is on a read-only file system: use a copy of Flowplane that can be written to.`;
  }
  if (/\bEACCES\b|\bEPERM\b|permission denied/i.test(text)) {
    return `${userName()} may not write to ${folder}: give that user the folder (chown) or use a copy of your own.`;
  }
  const network =
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENETDOWN)\b|error sending request|dns error|connection refused|failed to lookup|timed out/i;
  if (network.test(text)) {
    return "The package registry can't be reached: the first start needs a network (behind a proxy set HTTPS_PROXY, for a mirror set npm_config_registry).";
  }
  return undefined;
}

/**
 * Prints an error for a person and ends the process.
 * @param {unknown} error
 * @returns {never}
 */
export function exitWithProblem(error) {
  if (error instanceof Problem) {
    if (error.detail !== "") console.error(error.detail);
    console.error(error.message);
  } else {
    console.error(error);
  }
  process.exit(1);
}

function userName() {
  try {
    return `User ${os.userInfo().username}`;
  } catch {
    // The uid has no entry in the user database, as in many containers.
    return `User ${process.getuid?.() ?? "?"}`;
  }
}
