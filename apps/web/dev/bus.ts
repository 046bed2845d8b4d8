import type { ServerResponse } from "node:http";
import type { ChangeNotice } from "@flowplane/contract";

/** Sends change notices to whoever listens, and makes some by itself so that pages are seen alive. */
export class Bus {
  readonly #listeners = new Set<ServerResponse>();
  #serial = 0;

  listen(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write(": hello\n\n");
    this.#listeners.add(response);
    response.on("close", () => this.#listeners.delete(response));
  }

  send(...notices: ChangeNotice[]): void {
    for (const notice of notices) {
      this.#serial += 1;
      for (const listener of this.#listeners) {
        listener.write(`id: ${this.#serial}\nevent: change\ndata: ${JSON.stringify(notice)}\n\n`);
      }
    }
  }
}
