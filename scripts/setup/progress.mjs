// Progress of the set-up: one line that updates itself on a terminal, plain lines elsewhere.

/** How often the elapsed time on the line moves. */
const tickMs = 500;

/**
 * @typedef {object} Progress
 * @property {(detail: string) => void} detail replaces the small print behind the step's title
 * @property {() => void} done takes the line away, or says how long the step took
 */

/**
 * Shows that a step has begun.
 * @param {string} title such as "Installing packages"
 * @param {NodeJS.WriteStream} [out]
 * @returns {Progress}
 */
export function showProgress(title, out = process.stderr) {
  const startedAt = Date.now();
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  if (!out.isTTY) {
    out.write(`${title} …\n`);
    return { detail: () => {}, done: () => void out.write(`${title}: done in ${seconds()} s\n`) };
  }
  let small = "";
  const draw = () => {
    const line = `${title} … ${small}${small === "" ? "" : " · "}${seconds()} s`;
    out.write(`\r\x1b[K${line.slice(0, (out.columns || 80) - 1)}`);
  };
  const timer = setInterval(draw, tickMs);
  draw();
  return {
    detail: (text) => {
      small = text;
      draw();
    },
    done: () => {
      clearInterval(timer);
      out.write("\r\x1b[K");
    },
  };
}
