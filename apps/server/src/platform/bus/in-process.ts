import { randomUUID } from "node:crypto";
import { RETAINED_MESSAGES_MAX, type Bus, type BusMessage, type Subscription } from "./bus.ts";

interface Subscriber {
  readonly pattern: readonly string[];
  readonly listener: (message: BusMessage) => void;
}

/**
 * The bus of a control plane that is one process. Ids are `EPOCH-NUMBER`; the epoch changes with each start,
 * so an id from before a restart is recognised as too old.
 */
export function createInProcessBus(onListenerError: (error: unknown) => void): Bus {
  const epoch = randomUUID().slice(0, 8);
  const exact = new Map<string, Set<Subscriber>>();
  const wild = new Set<Subscriber>();
  const retained: BusMessage[] = [];
  let count = 0;

  const deliver = (subscriber: Subscriber, message: BusMessage) => {
    try {
      subscriber.listener(message);
    } catch (error) {
      onListenerError(error);
    }
  };

  return {
    publish(subject, data, options = {}) {
      const isRetained = options.retain ?? true;
      // What is not retained shares the id of the message before it: resuming after it misses nothing.
      if (isRetained) count += 1;
      const message = { subject, id: `${epoch}-${count}`, data };
      if (isRetained) retained.push(message);
      // Trimmed by halves: amortised constant, and never less than the promised number is kept.
      if (retained.length > 2 * RETAINED_MESSAGES_MAX) retained.splice(0, RETAINED_MESSAGES_MAX);
      for (const subscriber of exact.get(subject) ?? []) deliver(subscriber, message);
      if (wild.size > 0) {
        const tokens = subject.split(".");
        for (const subscriber of wild) if (matches(subscriber.pattern, tokens)) deliver(subscriber, message);
      }
    },
    subscribe(pattern, listener, options = {}): Subscription {
      const subscriber = { pattern: pattern.split("."), listener };
      if (options.after !== undefined) {
        const missed = since(retained, epoch, count, options.after);
        if (missed === "gone") options.reset?.();
        else
          for (const message of missed)
            if (matches(subscriber.pattern, message.subject.split("."))) deliver(subscriber, message);
      }
      const group = /[*>]/.test(pattern) ? wild : (exact.get(pattern) ?? new Set());
      if (group !== wild) exact.set(pattern, group);
      group.add(subscriber);
      return {
        close() {
          group.delete(subscriber);
          if (group !== wild && group.size === 0 && exact.get(pattern) === group) exact.delete(pattern);
        },
      };
    },
    async close() {
      exact.clear();
      wild.clear();
    },
  };
}

function since(
  retained: readonly BusMessage[],
  epoch: string,
  count: number,
  after: string,
): readonly BusMessage[] | "gone" {
  const [afterEpoch, afterText] = after.split("-");
  const number = Number(afterText);
  if (afterEpoch !== epoch || !Number.isSafeInteger(number) || number > count) return "gone";
  const oldest = count - retained.length + 1;
  return number + 1 < oldest ? "gone" : retained.slice(number + 1 - oldest);
}

function matches(pattern: readonly string[], tokens: readonly string[]): boolean {
  for (const [index, part] of pattern.entries()) {
    if (part === ">") return index < tokens.length;
    if (index >= tokens.length || (part !== "*" && part !== tokens[index])) return false;
  }
  return pattern.length === tokens.length;
}
