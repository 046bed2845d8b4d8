/** Between the bench and its fleet processes, over IPC. */
export type ToFleet =
  | {
      type: "enrol";
      agentsUrl: string;
      token: string;
      caPem: string;
      count: number;
      prefix: string;
      concurrency: number;
    }
  | { type: "connect"; perSecond: number; heartbeatMs: number }
  | { type: "forget_latencies" };

export type FromFleet =
  | { type: "enrolled"; count: number; latencies: number[] }
  | {
      type: "state";
      connected: number;
      /** Connect to first reply, since the last `forget_latencies`. */
      latencies: number[];
      messagesSent: number;
      messagesReceived: number;
      fullStateAsked: number;
      refused: number;
      errors: string[];
    };
