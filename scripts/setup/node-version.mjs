// This file and the two entry files are read by whatever Node the machine has, so they keep to
// syntax that Node 12 parses: an old Node must get the sentence below, not a syntax error.

var nodeMajorMin = 20;

/** Ends the process with one sentence when this Node or this system can't carry Flowplane. */
export function requireSupportedNode() {
  var major = Number(process.versions.node.split(".")[0]);
  if (major < nodeMajorMin) {
    console.error(
      "Flowplane needs Node " +
        nodeMajorMin +
        " or newer to set itself up, and this is " +
        process.version +
        ": install a newer one from https://nodejs.org and start again.",
    );
    process.exit(1);
  }
  if (process.platform === "win32") {
    console.error("Flowplane runs on Linux and macOS: on Windows start it inside WSL.");
    process.exit(1);
  }
}
