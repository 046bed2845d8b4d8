import { Socket } from "node:net";

/**
 * Calls `onGone` once the process that started this one has gone without saying so: its end of the channel or of stdin,
 * which the system closes however it dies. Watching keeps nobody alive.
 */
export function watchStarter(kind: "channel" | "stdin", onGone: () => void): void {
  if (kind === "channel") {
    // There is one only where the starter opened it, as `npm start` does.
    if (process.connected !== true) return;
    process.once("disconnect", onGone);
    process.channel?.unref();
    return;
  }
  process.stdin.once("end", onGone).once("error", onGone);
  process.stdin.resume();
  if (process.stdin instanceof Socket) process.stdin.unref();
}
