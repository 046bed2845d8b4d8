// Loaded into a program by NODE_OPTIONS, for tests: its wall clock is off by as many milliseconds as the file CLOCK_OFFSET_FILE
// says, from the moment it says so. Timers and the steady clock stay as they are, as when somebody sets a machine's clock.
import { readFileSync } from "node:fs";

const RealDate = Date;
const file = process.env.CLOCK_OFFSET_FILE ?? "";
let offset = 0;

function read() {
  try {
    offset = Number(readFileSync(file, "utf8")) || 0;
  } catch {
    // Not there yet, or just being written: as before.
  }
}

if (file !== "") {
  read();
  setInterval(read, 50).unref();
  const now = () => RealDate.now() + offset;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
    apply: () => new RealDate(now()).toString(),
    get: (target, name) => (name === "now" ? now : Reflect.get(target, name)),
  });
}
