import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RETAINED_MESSAGES_MAX, type Bus, type BusMessage } from "./bus.ts";

/** What a suite needs to know of an implementation. */
export interface BusFixture {
  readonly bus: Bus;
  /** Errors that listeners threw, as the implementation reported them. */
  readonly errors: readonly unknown[];
  /** A bus after this one, as a restarted process would open it. */
  restart(): Promise<BusFixture>;
}

/**
 * What every bus must do. Messages may arrive later than `publish` returns, so the suite waits for what must come, and
 * judges what must not come by a message that would have come after it.
 */
export function busConformance(name: string, open: () => Promise<BusFixture>): void {
  describe(`bus: ${name}`, () => {
    let fixture: BusFixture;
    let bus: Bus;
    beforeEach(async () => {
      fixture = await open();
      bus = fixture.bus;
    });
    afterEach(() => bus.close());

    test("subscribers of a subject get its messages, all of them and in order", async () => {
      const [first, second] = [listen("a.b"), listen("a.b")];
      for (let n = 0; n < 500; n += 1) bus.publish("a.b", { n });
      const expected = Array.from({ length: 500 }, (_, n) => ({ n }));
      expect((await first.take(500)).map((message) => message.data)).toEqual(expected);
      expect((await second.take(500)).map((message) => message.data)).toEqual(expected);
    });

    test("publishing to nobody is no error", () => {
      expect(() => bus.publish("nobody.here", {})).not.toThrow();
    });

    const matching: [string, string[], string[]][] = [
      ["a.b", ["a.b"], ["a", "a.b.c", "a.bc", "x.b", "A.b"]],
      ["a.*", ["a.b", "a.c"], ["a", "a.b.c", "b.b"]],
      ["*.b", ["a.b", "x.b"], ["b", "a.b.b"]],
      ["a.*.c", ["a.b.c", "a.x.c"], ["a.c", "a.b.b.c", "a.b.d"]],
      ["a.>", ["a.b", "a.b.c", "a.b.c.d"], ["a", "b.a"]],
      [">", ["a", "a.b"], []],
    ];
    test.each(matching)(
      "the pattern %s matches what it should and no more",
      async (pattern, hits, misses) => {
        const heard = listen(pattern);
        const marker = listen("the.end");
        for (const subject of [...misses, ...hits]) bus.publish(subject, subject);
        bus.publish("the.end", "the.end");
        await marker.take(1);
        const wanted = pattern === ">" ? [...hits, "the.end"] : hits;
        expect((await heard.take(wanted.length)).map((message) => message.data)).toEqual(wanted);
        expect(heard.waiting()).toBe(0);
      },
    );

    test("a message has its subject and an id that is greater than those before", async () => {
      const heard = listen(">");
      for (let n = 0; n < 3; n += 1) bus.publish(`s.${n}`, n);
      const messages = await heard.take(3);
      expect(messages.map((message) => message.subject)).toEqual(["s.0", "s.1", "s.2"]);
      expect(new Set(messages.map((message) => message.id)).size).toBe(3);
      for (const { id } of messages) expect(id).toMatch(/^[A-Za-z0-9_-]{1,100}$/);
    });

    test("data is what was sent, whatever JSON it is", async () => {
      const heard = listen("a");
      const values = [null, 0, "", "ü\u2028", [], {}, { a: [1, { b: null }] }, true];
      for (const value of values) bus.publish("a", value);
      expect((await heard.take(values.length)).map((message) => message.data)).toEqual(values);
    });

    test("after closing, a subscription hears nothing, and the others go on", async () => {
      const [leaving, staying] = [listen("a"), listen("a")];
      bus.publish("a", 1);
      await Promise.all([leaving.take(1), staying.take(1)]);
      leaving.close();
      leaving.close();
      bus.publish("a", 2);
      expect((await staying.take(1)).map((message) => message.data)).toEqual([2]);
      expect(leaving.waiting()).toBe(0);
    });

    test("a subscription may be closed, and another opened, by its own listener", async () => {
      const inner: unknown[] = [];
      const done = Promise.withResolvers<void>();
      const subscription = bus.subscribe("a", () => {
        subscription.close();
        bus.subscribe("a", ({ data }) => {
          inner.push(data);
          done.resolve();
        });
      });
      const marker = listen("b");
      bus.publish("a", 1);
      bus.publish("b", "first has been heard");
      await marker.take(1);
      bus.publish("a", 2);
      await done.promise;
      expect(inner).toEqual([2]);
    });

    test("a listener that throws is reported and disturbs no other", async () => {
      bus.subscribe("a", () => {
        throw new Error("broken listener");
      });
      const heard = listen("a");
      bus.publish("a", 1);
      bus.publish("a", 2);
      expect((await heard.take(2)).map((message) => message.data)).toEqual([1, 2]);
      expect(fixture.errors).toHaveLength(2);
    });

    describe("resuming after an id", () => {
      test("gives what came since, first, in order, and nothing of other subjects", async () => {
        const heard = listen("a.*");
        bus.publish("a.1", 1);
        const [first] = await heard.take(1);
        bus.publish("b.1", "other");
        bus.publish("a.2", 2);
        bus.publish("a.3", 3);
        await heard.take(2);
        const resumed = listen("a.*", first?.id);
        bus.publish("a.4", 4);
        expect((await resumed.take(3)).map((message) => message.data)).toEqual([2, 3, 4]);
        expect(resumed.resets()).toBe(0);
      });

      test("the newest id gives nothing old", async () => {
        const heard = listen("a");
        bus.publish("a", 1);
        const [last] = await heard.take(1);
        const resumed = listen("a", last?.id);
        bus.publish("a", 2);
        expect((await resumed.take(1)).map((message) => message.data)).toEqual([2]);
      });

      test("keeps the promised number of messages", async () => {
        const heard = listen("a");
        bus.publish("a", "start");
        const [start] = await heard.take(1);
        for (let n = 1; n <= RETAINED_MESSAGES_MAX; n += 1) bus.publish("a", n);
        await heard.take(RETAINED_MESSAGES_MAX);
        const resumed = listen("a", start?.id);
        const messages = await resumed.take(RETAINED_MESSAGES_MAX);
        expect([messages[0]?.data, messages.at(-1)?.data, resumed.resets()]).toEqual([
          1,
          RETAINED_MESSAGES_MAX,
          0,
        ]);
      });

      test("an id from too long ago says reset instead, and what comes then is heard", async () => {
        const heard = listen("a");
        bus.publish("a", "start");
        const [start] = await heard.take(1);
        for (let n = 1; n <= 3 * RETAINED_MESSAGES_MAX; n += 1) bus.publish("a", n);
        await heard.take(3 * RETAINED_MESSAGES_MAX);
        const resumed = listen("a", start?.id);
        bus.publish("a", "new");
        expect((await resumed.take(1)).map((message) => message.data)).toEqual(["new"]);
        expect(resumed.resets()).toBe(1);
      });

      test.each(["", "nonsense", "-", "0-0", "99999999999999999999", "a-b-c"])(
        "the id %j, which is none, says reset",
        async (id) => {
          const resumed = listen("a", id);
          bus.publish("a", 1);
          expect((await resumed.take(1)).map((message) => message.data)).toEqual([1]);
          expect(resumed.resets()).toBe(1);
        },
      );

      test("an id from before a restart is resumed from or says reset; it never silently skips", async () => {
        const heard = listen("a");
        bus.publish("a", 1);
        const [first] = await heard.take(1);
        bus.publish("a", 2);
        await heard.take(1);
        await bus.close();
        fixture = await fixture.restart();
        bus = fixture.bus;
        const resumed = listen("a", first?.id);
        bus.publish("a", 3);
        const data = (await resumed.take(resumed.resets() === 1 ? 1 : 2)).map((message) => message.data);
        expect(resumed.resets() === 1 ? [2, ...data] : data).toEqual([2, 3]);
      });
    });

    test("after close nothing is heard", async () => {
      const heard = listen("a");
      bus.publish("a", 1);
      await heard.take(1);
      await bus.close();
      expect(heard.waiting()).toBe(0);
    });

    function listen(pattern: string, after?: string) {
      const messages: BusMessage[] = [];
      let resets = 0;
      let news = Promise.withResolvers<void>();
      const subscription = bus.subscribe(
        pattern,
        (message) => {
          messages.push(message);
          news.resolve();
        },
        after === undefined ? {} : { after, reset: () => (resets += 1) },
      );
      return {
        async take(count: number): Promise<BusMessage[]> {
          while (messages.length < count) {
            await news.promise;
            news = Promise.withResolvers();
          }
          return messages.splice(0, count);
        },
        waiting: () => messages.length,
        resets: () => resets,
        close: () => subscription.close(),
      };
    }
  });
}
