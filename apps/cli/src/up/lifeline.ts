/**
 * Calls `onGone` once the process that started this one has gone without saying so: its end of the channel or of stdin,
 * which the system closes however it dies.
 */
export function watchStarter(kind: "channel" | "stdin", onGone: () => void): void {
  if (kind === "channel") {
    // There is one only where the starter opened it, as `npm start` does.
    if (process.connected === true) process.once("disconnect", onGone);
    return;
  }
  process.stdin.once("end", onGone).once("error", onGone);
  process.stdin.resume();
}
