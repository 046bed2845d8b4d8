import { afterEach, beforeEach } from "vitest";
import { startFakeControlPlane, type Answer, type FakeControlPlane } from "./fake-control-plane.ts";
import { Home, type Finished } from "./flowplane.ts";

/** Nobody listens there. */
const NOWHERE = "http://127.0.0.1:9";

/**
 * For each test of a file a home of its own and, once it is served, a control plane that answers what the test says;
 * commands run as processes of their own against it.
 */
export class Faked {
  #home: Home | undefined;
  #plane: FakeControlPlane | undefined;

  constructor() {
    beforeEach(async () => {
      this.#home = await Home.create({ FLOWPLANE_API_KEY: "fpk_test" });
    });
    afterEach(async () => {
      await this.unplug();
      await this.#home?.[Symbol.asyncDispose]();
    });
  }

  get home(): Home {
    if (this.#home === undefined) throw new Error("a home is there only within a test");
    return this.#home;
  }

  get origin(): string {
    return this.#plane?.origin ?? NOWHERE;
  }

  /** Nobody answers from here on. */
  async unplug(): Promise<void> {
    await this.#plane?.[Symbol.asyncDispose]();
    this.#plane = undefined;
  }

  readonly serve = async (routes: Readonly<Record<string, Answer>>): Promise<FakeControlPlane> => {
    this.#plane = await startFakeControlPlane(routes);
    return this.#plane;
  };

  readonly flowplane = async (
    args: readonly string[],
    env: Record<string, string> = {},
    stdin = "",
  ): Promise<Finished> => {
    const started = this.home.start(args, { FLOWPLANE_URL: this.origin, ...env });
    started.child.stdin?.end(stdin);
    return started.finished;
  };
}
